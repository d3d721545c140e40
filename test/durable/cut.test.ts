import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { assertHooks } from '../../src/durable/index.ts';
import { checkCuts } from './checks.ts';
import { live, livePlainly } from './life.ts';
import { zoo } from './zoo/index.ts';
import { randomTasks } from './zoo/random-tasks.ts';

beforeAll(assertHooks);

describe('a journal that is cut after each entry in turn, restored and run to the end, comes to the same (D1–D7)', () => {
  test.each(zoo.map((animal) => [animal.name, animal] as const))('%s', async (_, animal) => {
    const uncut = await live(animal);
    expect(uncut.entries.length).toBeGreaterThan(2);
    await checkCuts(animal, uncut);
  });

  test('tasks of random steps', async () => {
    await fc.assert(
      fc.asyncProperty(randomTasks, async (task) => checkCuts(task, await live(task))),
      { numRuns: 40 },
    );
  });
});

describe('a durable machine comes to what a plain one comes to', () => {
  const alike = zoo.filter(({ differs }) => differs === undefined);
  test.each(alike.map((animal) => [animal.name, animal] as const))('%s', async (_, animal) => {
    const { standing } = await live(animal);
    expect(await livePlainly(animal)).toEqual(standing);
  });
});

import fc from 'fast-check';
import { beforeAll, describe, test } from 'vitest';
import { assertHooks } from '../../src/durable/index.ts';
import { checkMishaps } from './checks.ts';
import { live } from './life.ts';
import { zoo } from './zoo/index.ts';
import { randomTasks } from './zoo/random-tasks.ts';

beforeAll(assertHooks);

/** Crashes in the middle of an append, whether it was stored or not. */
const mishaps = fc.array(
  fc.record({
    append: fc.integer({ min: 1, max: 6 }),
    stored: fc.boolean(),
    down: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 5_000 })),
  }),
  { maxLength: 5 },
);

describe('lives with several crashes come to what one without comes to (D1–D7)', () => {
  test.each(zoo.map((animal) => [animal.name, animal] as const))('%s', async (_, animal) => {
    const uncut = await live(animal);
    await fc.assert(
      fc.asyncProperty(mishaps, (crashes) => checkMishaps(animal, uncut, crashes)),
      { numRuns: 60 },
    );
  });

  test('tasks of random steps', async () => {
    await fc.assert(
      fc.asyncProperty(randomTasks, mishaps, async (task, crashes) =>
        checkMishaps(task, await live(task), crashes),
      ),
      { numRuns: 60 },
    );
  });
});

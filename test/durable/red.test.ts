import { beforeAll, describe, expect, test } from 'vitest';
import { assertHooks } from '../../src/durable/index.ts';
import type { Rules } from '../../src/durable/rules.ts';
import { checkCuts, checkMishaps } from './checks.ts';
import { live, livePlainly } from './life.ts';
import type { Animal } from './world.ts';
import { zoo } from './zoo/index.ts';

/** The checks of these tests can fail: with a rule broken, they do. */

beforeAll(assertHooks);

/** Those for which a check goes red with the rules broken; all are green with them whole. */
async function reds(check: (animal: Animal, rules: Partial<Rules>) => Promise<void>, broken: Partial<Rules>) {
  const red: string[] = [];
  for (const animal of zoo) {
    await check(animal, {});
    await check(animal, broken).catch(() => red.push(animal.name));
  }
  return red;
}

const cuts = async (animal: Animal, rules: Partial<Rules>) => checkCuts(animal, await live(animal), rules);
const crashes = async (animal: Animal, rules: Partial<Rules>) => {
  const uncut = await live(animal);
  await checkMishaps(animal, uncut, [{ append: 2, stored: false, down: 0 }], rules);
};
const plainly = async (animal: Animal, rules: Partial<Rules>) => {
  if (animal.differs) return;
  const { standing } = await live(animal, { rules });
  expect(standing).toEqual(await livePlainly(animal));
};

describe('the check goes red when', () => {
  test('gates are open during replay (D4)', async () => {
    const red = await reds(cuts, { shutGates: false });
    expect(red).toContain('the order task');
    expect(red.length).toBeGreaterThanOrEqual(10);
  });

  test('actions and emits of the past are run again (D7)', async () => {
    const red = await reds(cuts, { actOnce: false });
    expect(red).toContain('a transition logic, its snapshots, and emitting');
    expect(red.length).toBeGreaterThanOrEqual(10);
  });

  test('late results of an earlier incarnation are let through', async () => {
    expect(await reds(plainly, { refuseLate: false })).toContain(
      'a result that comes when its actor has just been replaced',
    );
  });

  test('what comes is delivered before it is durable (D2)', async () => {
    const red = await reds(crashes, { writeAhead: false });
    expect(red).toContain('the order task');
    expect(red.length).toBeGreaterThanOrEqual(10);
  });
});

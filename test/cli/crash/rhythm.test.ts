import { expect, test } from 'vitest';
import { type Kill, planKill } from '../../../src/cli/crash/rhythm.ts';

const plans = (seed: number): Kill[] =>
  Array.from({ length: 400 }, (_, life) => planKill(seed, 0, life, { pace: 1 }));

test('kills come at every kind of instant: at the start, as tasks are taken up, in the middle, while it drains', () => {
  const share = (wanted: (kill: Kill) => boolean) => plans(1).filter(wanted).length / 400;
  expect(share(({ when }) => when === 'starting')).toBeGreaterThan(0.05);
  expect(share(({ when }) => when === 'draining')).toBeGreaterThan(0.05);
  expect(share(({ when, after }) => when === 'working' && after <= 50)).toBeGreaterThan(0.05);
  expect(share(({ when, after }) => when === 'working' && after > 50)).toBeGreaterThan(0.4);
});

test('every second life is long enough for a task to get on, and none longer than 1.2 s', () => {
  for (const [life, kill] of plans(2).entries()) {
    expect(kill.after).toBeLessThanOrEqual(1_200);
    if (life % 2 === 1)
      expect(kill).toMatchObject({ when: 'working', after: expect.toSatisfy((ms) => ms >= 600) });
  }
});

test('the same seed gives the same kills, another one others; so does another worker', () => {
  expect(plans(3)).toEqual(plans(3));
  expect(plans(4)).not.toEqual(plans(3));
  expect(planKill(3, 1, 5, { pace: 1 })).not.toEqual(planKill(3, 0, 5, { pace: 1 }));
});

test('where a task goes on elsewhere after a while, processes are frozen for longer than that', () => {
  const freeze = { least: 6_000, most: 9_000 };
  const frozen = Array.from({ length: 400 }, (_, life) => planKill(1, 0, life, { pace: 3, freeze })).flatMap(
    (kill) => (kill.when === 'frozen' ? kill.frozen : []),
  );
  expect(frozen.length).toBeGreaterThan(20);
  expect(Math.min(...frozen)).toBeGreaterThanOrEqual(6_000);
  expect(Math.max(...frozen)).toBeLessThanOrEqual(9_000);
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  backoffDelay,
  MAX_TIMER_MS,
  type RetryPolicy,
  retryAfterDelay,
  retryPolicy,
} from '../../../machines/step/index.ts';

const lowest = () => 0;
const middle = () => 0.5;
const highest = () => 1 - 2 ** -53;

const ms = fc.integer({ min: 0, max: MAX_TIMER_MS });
const policies: fc.Arbitrary<RetryPolicy> = fc.record({
  attempts: fc.oneof(fc.integer({ min: 1 }), fc.constant('unlimited' as const)),
  baseDelay: ms,
  maxDelay: ms,
  jitter: fc.constantFrom('equal', 'full', 'none'),
  maxRetryAfter: ms,
});
const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('the policy', () => {
  test('makes three attempts unless told otherwise, from 1 s to 30 s apart, half of it random', () => {
    expect(retryPolicy()).toEqual({
      attempts: 3,
      baseDelay: 1_000,
      maxDelay: 30_000,
      jitter: 'equal',
      maxRetryAfter: 3_600_000,
    });
  });

  test('is the last that was said of each option: the step over the task over the default', () => {
    const task = { attempts: 5, baseDelay: 10 };
    const step = { attempts: 'unlimited', jitter: 'none' } as const;
    expect(retryPolicy(task, step)).toEqual({
      attempts: 'unlimited',
      baseDelay: 10,
      maxDelay: 30_000,
      jitter: 'none',
      maxRetryAfter: 3_600_000,
    });
  });

  test('takes an explicit undefined for nothing said', () => {
    const undefinedAll = {
      attempts: undefined,
      baseDelay: undefined,
      maxDelay: undefined,
      jitter: undefined,
      maxRetryAfter: undefined,
    };
    expect(retryPolicy(undefinedAll)).toEqual(retryPolicy());
    expect(retryPolicy({ attempts: 7, baseDelay: 0 }, undefinedAll)).toMatchObject({
      attempts: 7,
      baseDelay: 0,
    });
  });
});

describe('the wait after a failed attempt', () => {
  const policy = retryPolicy();

  test.each([
    //  n, none, equal: from to, full: from to
    [0, 1_000, 500, 1_000, 0, 1_000],
    [1, 2_000, 1_000, 2_000, 0, 2_000],
    [2, 4_000, 2_000, 4_000, 0, 4_000],
    [3, 8_000, 4_000, 8_000, 0, 8_000],
    [4, 16_000, 8_000, 16_000, 0, 16_000],
    [5, 30_000, 15_000, 30_000, 0, 30_000],
    [6, 30_000, 15_000, 30_000, 0, 30_000],
    [1_100, 30_000, 15_000, 30_000, 0, 30_000],
    [Number.MAX_SAFE_INTEGER, 30_000, 15_000, 30_000, 0, 30_000],
  ])(
    'number %i is %i ms; with jitter %i to %i, with full jitter %i to %i',
    (n, none, least, most, zero, full) => {
      expect(backoffDelay(n, { ...policy, jitter: 'none' }, middle)).toBe(none);
      expect(backoffDelay(n, { ...policy, jitter: 'equal' }, lowest)).toBe(least);
      expect(backoffDelay(n, { ...policy, jitter: 'equal' }, highest)).toBe(most);
      expect(backoffDelay(n, { ...policy, jitter: 'full' }, lowest)).toBe(zero);
      expect(backoffDelay(n, { ...policy, jitter: 'full' }, highest)).toBe(full);
    },
  );

  test('is never longer than the cap, not even the first', () => {
    expect(backoffDelay(0, { ...policy, maxDelay: 300, jitter: 'none' }, middle)).toBe(300);
  });

  test.each([0, 1, 1_100])('number %i is none where backoff is off', (n) => {
    expect(backoffDelay(n, { ...policy, baseDelay: 0 }, highest)).toBe(0);
    expect(backoffDelay(n, { ...policy, maxDelay: 0 }, highest)).toBe(0);
  });

  test('is a whole number of ms within its bounds, whatever the policy', () => {
    fc.assert(
      fc.property(policies, fc.nat(), randoms, (policy, n, random) => {
        const delay = backoffDelay(n, policy, () => random);
        const top = policy.baseDelay === 0 ? 0 : Math.min(policy.maxDelay, policy.baseDelay * 2 ** n);
        const bottom = { none: top, equal: Math.floor(top / 2), full: 0 }[policy.jitter];
        expect(delay).toBeGreaterThanOrEqual(bottom);
        expect(delay).toBeLessThanOrEqual(top);
        expect(Number.isInteger(delay)).toBe(true);
      }),
    );
  });

  test('is spread evenly', () => {
    const draws = Array.from({ length: 1_000 }, (_, n) => n / 1_000);
    const mean = (jitter: RetryPolicy['jitter']) =>
      draws.reduce((sum, random) => sum + backoffDelay(0, { ...policy, jitter }, () => random), 0) /
      draws.length;
    expect(mean('equal')).toBeCloseTo(750, -1);
    expect(mean('full')).toBeCloseTo(500, -1);
  });
});

describe('the wait that a server asked for', () => {
  test('is kept, and spread by up to one base delay', () => {
    const policy = retryPolicy({ baseDelay: 400 });
    expect(retryAfterDelay(2_000, policy, lowest)).toBe(2_000);
    expect(retryAfterDelay(2_000, policy, middle)).toBe(2_200);
    expect(retryAfterDelay(2_000, policy, highest)).toBe(2_400);
  });

  test('is not cut by the cap', () => {
    expect(retryAfterDelay(600_000, retryPolicy({ maxDelay: 1_000 }), lowest)).toBe(600_000);
  });

  test('is kept to the ms without jitter', () => {
    expect(retryAfterDelay(2_000, retryPolicy({ jitter: 'none' }), highest)).toBe(2_000);
  });

  test('is never cut short, and never longer than a timer takes', () => {
    fc.assert(
      fc.property(policies, ms, randoms, (policy, asked, random) => {
        const delay = retryAfterDelay(asked, policy, () => random);
        expect(delay).toBeGreaterThanOrEqual(asked);
        expect(delay).toBeLessThanOrEqual(Math.min(asked + policy.baseDelay, MAX_TIMER_MS));
        expect(Number.isInteger(delay)).toBe(true);
      }),
    );
  });
});

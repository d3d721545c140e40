import { z } from 'zod';

/** The longest delay a timer takes, in ms: about 24.8 days, the largest signed 32-bit number. */
export const MAX_TIMER_MS = 2_147_483_647;

/** How often a failed step is tried again, and when. Every duration is in ms. */
export interface RetryPolicy {
  /** Attempts in all, the first included; `unlimited` goes on until the error is permanent. @default 3 */
  readonly attempts: number | 'unlimited';
  /** The wait after the first failed attempt; it doubles with each further one. @default 1_000 */
  readonly baseDelay: number;
  /** The wait grows no longer than this. A server's Retry-After is not cut by it. @default 30_000 */
  readonly maxDelay: number;
  /** What is random in a wait: `equal` half of it, `full` all of it, `none` nothing. @default 'equal' */
  readonly jitter: 'equal' | 'full' | 'none';
  /** A server that asks for a longer wait than this fails the step. @default 3_600_000 */
  readonly maxRetryAfter: number;
}

const DEFAULT_POLICY: RetryPolicy = {
  attempts: 3,
  baseDelay: 1_000,
  maxDelay: 30_000,
  jitter: 'equal',
  maxRetryAfter: 3_600_000,
};

const ATTEMPTS = 'expected a whole number of at least 1, or "unlimited"';
const milliseconds = z.int().min(0).max(MAX_TIMER_MS);

/** A policy as it is written: what it leaves out is said elsewhere, in the end by the default. */
export const retryPolicyOptionsSchema = z
  .strictObject({
    attempts: z.union([z.int(ATTEMPTS).min(1, ATTEMPTS), z.literal('unlimited')], ATTEMPTS),
    baseDelay: milliseconds,
    maxDelay: milliseconds,
    jitter: z.enum(['equal', 'full', 'none']),
    maxRetryAfter: milliseconds,
  })
  .partial();
export type RetryPolicyOptions = z.input<typeof retryPolicyOptionsSchema>;

/** The complete policy: of each option the last that was given, else the default. */
export function retryPolicy(...layers: readonly RetryPolicyOptions[]): RetryPolicy {
  // An option that is left out may stand there as undefined; it must not hide the layer before.
  const given = layers.flatMap((layer) => Object.entries(layer).filter(([, value]) => value !== undefined));
  return { ...DEFAULT_POLICY, ...Object.fromEntries(given) };
}

/** Gives a number from 0 up to but without 1, as `Math.random` does. */
export type Random = () => number;

/**
 * The wait in ms after the failed attempt number `n`, counted from 0: `min(maxDelay, baseDelay × 2^n)`, of which
 * the part that {@link RetryPolicy.jitter} names is random, so that clients that failed together do not return together
 * (M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015: `equal` and `full` are its terms).
 */
export function backoffDelay(n: number, policy: RetryPolicy, random: Random): number {
  // 2^n grows beyond every number when attempts are unlimited; times 0 that would be no number at all.
  const delay = policy.baseDelay === 0 ? 0 : Math.min(policy.maxDelay, policy.baseDelay * 2 ** n);
  switch (policy.jitter) {
    case 'none':
      return delay;
    case 'equal':
      return Math.round(delay / 2 + (random() * delay) / 2);
    case 'full':
      return Math.round(random() * delay);
    default:
      return policy.jitter satisfies never;
  }
}

/**
 * The wait in ms when the server said how long: never sooner than it asked, spread by up to one base delay
 * unless the policy has no jitter. Not cut by `maxDelay`; whether it is too long is the caller's to judge.
 */
export function retryAfterDelay(retryAfter: number, policy: RetryPolicy, random: Random): number {
  const spread = policy.jitter === 'none' ? 0 : random() * policy.baseDelay;
  // A timer that is too long fires at once, which would be sooner than the server asked.
  return Math.min(Math.ceil(retryAfter + spread), MAX_TIMER_MS);
}

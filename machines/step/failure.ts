import { z } from 'zod';
import type { CheckIssue, Issue } from '../issue.ts';
import { requestOf } from './http.ts';
import { type Judgement, judge, MOST_ISSUES, systemError } from './judgement.ts';
import { backoffDelay, type Random, type RetryPolicy, retryAfterDelay } from './retry-policy.ts';
import { DEEPEST_CAUSE, messageOf, tidy, UNREADABLE } from './thrown.ts';

/**
 * Why an attempt failed, as plain JSON: what was thrown is coerced to this exactly once, where the attempt
 * ends, and everything after it (guards, status, journal, doors) reads nothing else.
 *
 * Invariants:
 * - F1. Anything thrown becomes a failure; nothing is lost and nothing is thrown on.
 * - F2. `delay` is drawn here, once, and is there exactly when another attempt may help.
 * - F3. No message, URL or cause carries credentials.
 */
export interface Failure {
  /** In a word: `timeout`, `network`, `http_404`, `redirect`, `invalid_json`, `invalid_data`, … or the effect's own. */
  readonly code: string;
  readonly message: string;
  /** Counted from 1. */
  readonly attempt: number;
  /** How long to wait before the next attempt, in ms; without it the failure is permanent. */
  readonly delay?: number;
  readonly request?: { readonly method: string; readonly url: string };
  /** Of wrong data: where it is wrong. Of a rejection: what the check found. */
  readonly issues?: readonly (Issue | CheckIssue)[];
  readonly cause?: Cause;
}

export interface Cause {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly cause?: Cause;
}

/** What the coercion needs to know of the attempt that failed. */
export interface FailedAttempt {
  /** Counted from 1. */
  readonly attempt: number;
  readonly retry: RetryPolicy;
  /** ms since the epoch. */
  readonly now: number;
  readonly random: Random;
}

/** Turns whatever an effect threw into a failure. Never throws. */
export function failureOf(thrown: unknown, failed: FailedAttempt): Failure {
  try {
    const request = requestOf(thrown);
    const cause = thrown instanceof Error ? causeOf(thrown.cause, [thrown]) : undefined;
    const verdict = boundWait(judge(thrown, failed.now), failed.retry);
    return { ...coerce(verdict, failed), ...(request && { request }), ...(cause && { cause }) };
  } catch {
    // Reading the thrown thing threw in its turn: a getter, a proxy, a toString.
    return coerce({ code: 'unexpected', retryable: true, message: UNREADABLE }, failed);
  }
}

const failureShape = z.looseObject({
  code: z.string(),
  message: z.string(),
  attempt: z.number(),
  delay: z.number().min(0).optional(),
});

/** An error, or what is left of one that was kept as JSON. */
const toldError = z.object({ message: z.string(), code: z.string().min(1).optional().catch(undefined) });

/**
 * What a chart hears when an attempt rejects: a failure as it is. Whoever stands between may reject with anything: a
 * journal that refuses the output, logic that was put in place of a step's own. That is permanent, as nothing drew a delay.
 */
export function receivedFailure(rejected: unknown, attempt: number): Failure {
  if (failureShape.safeParse(rejected).success) return rejected as Failure;
  const told = toldError.safeParse(rejected).data;
  const message = told ? tidy(told.message) : messageOf(rejected);
  return { code: told?.code ?? 'unexpected', message, attempt };
}

function coerce(verdict: Judgement, { attempt, retry, random: source }: FailedAttempt): Failure {
  const { code, message, retryable, retryAfter, issues } = verdict;
  const random = () => drawnFrom(source);
  const delay =
    retryAfter === undefined
      ? () => backoffDelay(attempt - 1, retry, random)
      : () => retryAfterDelay(retryAfter, retry, random);
  return {
    code,
    message: tidy(message),
    attempt,
    ...(retryable && { delay: delay() }),
    ...(issues && {
      issues: issues.slice(0, MOST_ISSUES).map((issue) => ({ ...issue, message: tidy(issue.message) })),
    }),
  };
}

/** A source of another's making may be broken; what is drawn from it is a number nevertheless. */
function drawnFrom(source: Random): number {
  try {
    const drawn: unknown = source();
    return typeof drawn === 'number' && drawn >= 0 && drawn <= 1 ? drawn : 0.5;
  } catch {
    return 0.5;
  }
}

/** A wait that the policy does not grant makes the failure permanent. */
function boundWait(verdict: Judgement, { maxRetryAfter }: RetryPolicy): Judgement {
  const { retryable, retryAfter, message } = verdict;
  if (!retryable || retryAfter === undefined || retryAfter <= maxRetryAfter) return verdict;
  return {
    code: 'retry_after_too_long',
    retryable: false,
    message: `${message} Retry-After asks for ${retryAfter} ms, more than maxRetryAfter allows (${maxRetryAfter} ms).`,
  };
}

/** @param above The errors that this is the cause of, innermost last. */
function causeOf(thrown: unknown, above: readonly Error[]): Cause | undefined {
  if (thrown === undefined || thrown === null || above.length > DEEPEST_CAUSE) return undefined;
  if (!(thrown instanceof Error)) return { name: typeof thrown, message: messageOf(thrown) };
  if (above.includes(thrown)) return undefined;
  const code = systemError.safeParse(thrown).data?.code;
  const cause = causeOf(thrown.cause, [...above, thrown]);
  return {
    name: String(thrown.name),
    message: messageOf(thrown),
    ...(code && { code }),
    ...(cause && { cause }),
  };
}

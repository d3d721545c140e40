import { z } from 'zod';
import { formatIssues, formatPath, type Issue } from '../issue.ts';
import { type Answer, answerOf, isRetryableStatus, requestOf, withoutSecrets } from './http.ts';
import { parseRetryAfter } from './retry-after.ts';
import { backoffDelay, type Random, type RetryPolicy, retryAfterDelay } from './retry-policy.ts';

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
  /** In a word: `timeout`, `network`, `http_404`, `invalid_json`, `invalid_data`, … or the effect's own. */
  readonly code: string;
  readonly message: string;
  /** Counted from 1. */
  readonly attempt: number;
  /** How long to wait before the next attempt, in ms; without it the failure is permanent. */
  readonly delay?: number;
  readonly request?: { readonly method: string; readonly url: string };
  readonly issues?: readonly Issue[];
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

/** What was thrown, judged. */
interface Verdict {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  /** The wait that the other side asked for, in ms. */
  readonly retryAfter?: number | undefined;
  readonly issues?: readonly Issue[] | undefined;
}

const LONGEST_MESSAGE = 2_000;
const DEEPEST_CAUSE = 5;

/** Turns whatever an effect threw into a failure. Never throws. */
export function failureOf(thrown: unknown, failed: FailedAttempt): Failure {
  try {
    const request = requestOf(thrown);
    const cause = causeOf(thrown instanceof Error ? thrown.cause : undefined);
    const verdict = boundWait(judge(thrown, failed.now), failed.retry);
    return { ...coerce(verdict, failed), ...(request && { request }), ...(cause && { cause }) };
  } catch {
    // Reading the thrown thing threw in its turn: a getter, a proxy, a toString.
    const message = 'The effect threw something that cannot be read.';
    return coerce({ code: 'unexpected', retryable: true, message }, failed);
  }
}

const failureShape = z.looseObject({ code: z.string(), message: z.string(), attempt: z.number() });

/**
 * What a chart hears when an attempt rejects: a failure as it is. Logic that was put in place of a step's own
 * (by XState's `provide`, not by the task's) may reject with anything; that is permanent, as nothing drew a delay.
 */
export function receivedFailure(rejected: unknown): Failure {
  if (failureShape.safeParse(rejected).success) return rejected as Failure;
  return { code: 'unexpected', message: tidy(messageOf(rejected)), attempt: 1 };
}

function coerce(verdict: Verdict, { attempt, retry, random }: FailedAttempt): Failure {
  const { code, message, retryable, retryAfter, issues } = verdict;
  const delay =
    retryAfter === undefined
      ? () => backoffDelay(attempt - 1, retry, random)
      : () => retryAfterDelay(retryAfter, retry, random);
  return {
    code,
    message: tidy(message),
    attempt,
    ...(retryable && { delay: delay() }),
    ...(issues && { issues }),
  };
}

/** A wait that the policy does not grant makes the failure permanent. */
function boundWait(verdict: Verdict, { maxRetryAfter }: RetryPolicy): Verdict {
  const { retryable, retryAfter, message } = verdict;
  if (!retryable || retryAfter === undefined || retryAfter <= maxRetryAfter) return verdict;
  return {
    code: 'retry_after_too_long',
    retryable: false,
    message: `${message} Retry-After asks for ${retryAfter} ms, more than maxRetryAfter allows (${maxRetryAfter} ms).`,
  };
}

/** What an effect says itself: {@link PermanentError}, {@link RetryableError}, or anything of that shape. */
const selfJudged = z.object({
  retryable: z.boolean(),
  code: z.string().optional(),
  retryAfter: z.number().min(0).optional(),
  issues: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});

/** Data that did not fit its schema: zod's error, ky's, and every library's of Standard Schema v1. */
const schemaError = z.object({
  issues: z
    .array(
      z.object({
        message: z.string(),
        path: z
          .array(z.union([z.string(), z.number(), z.object({ key: z.union([z.string(), z.number()]) })]))
          .default([]),
      }),
    )
    .min(1),
});

const systemError = z.object({ code: z.string() });

function judge(thrown: unknown, now: number): Verdict {
  const message = messageOf(thrown);

  const own = selfJudged.safeParse(thrown).data;
  if (own) {
    const { retryable, retryAfter, issues } = own;
    return {
      code: own.code ?? (retryable ? 'retryable' : 'permanent'),
      message,
      retryable,
      retryAfter,
      issues,
    };
  }

  const answer = answerOf(thrown);
  if (answer) {
    const { status, retryAfter } = answer;
    return {
      code: `http_${status}`,
      message: describeAnswer(thrown, answer),
      retryable: isRetryableStatus(status),
      retryAfter: retryAfter === undefined ? undefined : parseRetryAfter(retryAfter, now),
    };
  }

  const misfit = schemaError.safeParse(thrown).data;
  if (misfit) {
    const issues = misfit.issues.slice(0, 50).map((issue) => ({
      path: formatPath(issue.path.map((key) => (typeof key === 'object' ? key.key : key))),
      message: issue.message,
    }));
    const text = `The data does not fit its schema: ${formatIssues(issues)}`;
    return { code: 'invalid_data', message: text, retryable: false, issues };
  }

  if (!(thrown instanceof Error)) return { code: 'unexpected', message, retryable: true };
  if (thrown.name === 'TimeoutError') return { code: 'timeout', message, retryable: true };
  if (thrown.name === 'SyntaxError') return { code: 'invalid_json', message, retryable: true };

  const chain = causesOf(thrown);
  if (chain.some(isUnfollowableRedirect)) {
    return { code: 'redirect', message: `${message}: ${messageOf(chain.at(-1))}`, retryable: false };
  }
  if (chain.some(isNetworkError)) {
    return { code: 'network', message: chain.map(messageOf).join(': '), retryable: true };
  }
  return { code: systemError.safeParse(thrown).data?.code ?? 'unexpected', message, retryable: true };
}

function describeAnswer(thrown: unknown, { status, statusText, reason }: Answer): string {
  const request = requestOf(thrown);
  const asked = request ? `${request.method} ${request.url}` : 'The request';
  return `${asked} was answered with ${`${status} ${statusText}`.trim()}${reason ? `: ${reason}` : '.'}`;
}

/** The words of fetch's causes (undici gives them no code) for a redirect that leads nowhere. */
const REDIRECTS: ReadonlySet<string> = new Set([
  'redirect count exceeded',
  'unexpected redirect',
  'URL scheme must be a HTTP(S) scheme',
]);

function isUnfollowableRedirect(error: Error): boolean {
  return REDIRECTS.has(error.message) || systemError.safeParse(error).data?.code === 'ERR_INVALID_URL';
}

function isNetworkError(error: Error): boolean {
  return (
    error.name === 'NetworkError' ||
    (error.name === 'TypeError' && ['fetch failed', 'terminated'].includes(error.message)) ||
    /^(E[A-Z]{3,}|UND_ERR_[A-Z_]+)$/.test(systemError.safeParse(error).data?.code ?? '')
  );
}

function causesOf(error: Error): Error[] {
  const chain: Error[] = [];
  for (
    let next: unknown = error;
    next instanceof Error && chain.length < DEEPEST_CAUSE && !chain.includes(next);
    next = next.cause
  ) {
    chain.push(next);
  }
  return chain;
}

function causeOf(thrown: unknown): Cause | undefined {
  if (thrown === undefined) return undefined;
  if (!(thrown instanceof Error)) return { name: typeof thrown, message: tidy(messageOf(thrown)) };
  return causesOf(thrown).reduceRight<Cause | undefined>((cause, error) => {
    const code = systemError.safeParse(error).data?.code;
    const { name } = error;
    return { name, message: tidy(error.message), ...(code && { code }), ...(cause && { cause }) };
  }, undefined);
}

function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `The effect threw ${JSON.stringify(thrown) ?? String(thrown)}.`;
  return thrown.message || `${thrown.name} without a message`;
}

function tidy(message: string): string {
  const text = withoutSecrets(message);
  return text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE)}…` : text;
}

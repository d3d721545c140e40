import { z } from 'zod';
import { type CheckIssue, formatIssues, formatPath, type Issue } from '../issue.ts';
import { type Answer, answerOf, isRetryableStatus, requestOf } from './http.ts';
import { parseRetryAfter } from './retry-after.ts';
import { backoffDelay, type Random, type RetryPolicy, retryAfterDelay } from './retry-policy.ts';
import { isSecretName, shown } from './secrets.ts';

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
const MOST_ISSUES = 50;
const UNREADABLE = 'What was thrown cannot be read.';

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

function coerce(verdict: Verdict, { attempt, retry, random: source }: FailedAttempt): Failure {
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
  // What of the rest is malformed is ignored: it must not turn a permanent error into one that is retried.
  code: z.string().min(1).optional().catch(undefined),
  retryAfter: z.number().min(0).optional().catch(undefined),
  issues: z
    .array(z.object({ path: z.string(), message: z.string() }))
    .optional()
    .catch(undefined),
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
    const issues = misfit.issues.slice(0, MOST_ISSUES).map((issue) => ({
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
  if (isUnfollowableRedirect(chain)) {
    return { code: 'redirect', message: chain.map(messageOf).join(': '), retryable: false };
  }
  if (chain.some(isInvalidUrl)) return { code: 'invalid_url', message, retryable: false };
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
  'cross origin not allowed for request mode "cors"',
  'URL cannot contain credentials for request mode "cors"',
]);

/** A `Location` that is no URL shows itself only once fetch is under way; a request's own URL fails before. */
function isUnfollowableRedirect(chain: readonly Error[]): boolean {
  return (
    chain.some(({ message }) => REDIRECTS.has(message)) ||
    (chain.some(({ message }) => message === 'fetch failed') && chain.some(isInvalidUrl))
  );
}

function isInvalidUrl(error: Error): boolean {
  return systemError.safeParse(error).data?.code === 'ERR_INVALID_URL';
}

/** The codes of sockets and name servers, and undici's. Those of files (`ENOENT`) look alike and mean other things. */
const NETWORK_CODE =
  /^(ECONN[A-Z]+|E(HOST|NET)[A-Z]+|EAI_[A-Z]+|EPIPE|EPROTO|ETIMEDOUT|ENOTFOUND|EADDRNOTAVAIL|UND_ERR_[A-Z_]+)$/;

function isNetworkError(error: Error): boolean {
  return (
    error.name === 'NetworkError' ||
    (error.name === 'TypeError' && ['fetch failed', 'terminated'].includes(error.message)) ||
    NETWORK_CODE.test(systemError.safeParse(error).data?.code ?? '')
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

/** What a thrown thing says, for a person; without secrets, and not too long. Never throws. */
export function messageOf(thrown: unknown): string {
  try {
    const { errors } = thrown instanceof AggregateError ? thrown : { errors: [] };
    const inner = errors.slice(0, DEEPEST_CAUSE).map(ownMessage).join('; ');
    return tidy(inner && !(thrown instanceof Error && thrown.message) ? inner : ownMessage(thrown));
  } catch {
    return UNREADABLE;
  }
}

function ownMessage(thrown: unknown): string {
  if (thrown instanceof Error) return String(thrown.message || `${thrown.name} without a message`);
  const text = JSON.stringify(thrown, (name, value: unknown) => (isSecretName(name) ? 'redacted' : value));
  return `No error was thrown but ${text ?? String(thrown)}.`;
}

/** A message without secrets, and not too long. */
export function tidy(message: string): string {
  return shown(message, LONGEST_MESSAGE);
}

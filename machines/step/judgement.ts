import { z } from 'zod';
import { formatIssues, formatPath, type Issue } from '../issue.ts';
import { type Answer, answerOf, isRetryableStatus, requestOf } from './http.ts';
import { parseRetryAfter } from './retry-after.ts';
import { causesOf, messageOf } from './thrown.ts';

/** What was thrown, judged: what it is, and whether another attempt may help. */
export interface Judgement {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  /** The wait that the other side asked for, in ms. */
  readonly retryAfter?: number | undefined;
  readonly issues?: readonly Issue[] | undefined;
}

export const MOST_ISSUES = 50;

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

/** What a system error says it is. */
export const systemError = z.object({ code: z.string() });

/** @param now ms since the epoch, against which dates are measured. */
export function judge(thrown: unknown, now: number): Judgement {
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

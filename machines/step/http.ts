import { z } from 'zod';
import { shown } from './secrets.ts';

/**
 * What HTTP says about an attempt that failed: read from the shapes that fetch, ky and their like share (an error
 * with a `response` or a `request`), so that charts need no HTTP client and effects may use any.
 */

/** Statuses below 500 that may pass with time: RFC 9110 (408), RFC 8470 (425), RFC 6585 (429). */
const RETRYABLE_BELOW_500: ReadonlySet<number> = new Set([408, 425, 429]);
/** Statuses from 500 on that will not: the server lacks the method (501) or the protocol version (505). */
const PERMANENT_FROM_500: ReadonlySet<number> = new Set([501, 505]);

export function isRetryableStatus(status: number): boolean {
  return status >= 500 ? !PERMANENT_FROM_500.has(status) : RETRYABLE_BELOW_500.has(status);
}

const answered = z.object({
  response: z.object({
    status: z.number(),
    statusText: z.string().catch(''),
    headers: z.unknown().optional(),
  }),
  data: z.unknown().optional(),
});

/** What the other side answered: an error's `response`, and the body's own words where it has some. */
export interface Answer {
  readonly status: number;
  readonly statusText: string;
  readonly retryAfter: string | undefined;
  /** The reason that the body gives: a JSON body's `message` or `detail` (RFC 9457), or its text. */
  readonly reason: string | undefined;
}

/** What the other side answered, unless it answered well: then something else went wrong. */
export function answerOf(thrown: unknown): Answer | undefined {
  const { data } = answered.safeParse(thrown);
  if (data === undefined || data.response.status < 300) return undefined;
  const { status, statusText, headers } = data.response;
  return { status, statusText, retryAfter: retryAfterIn(headers), reason: reasonIn(data.data) };
}

/** Headers are of the class `Headers`, of a class like it (a client may bring its own), or a plain object. */
function retryAfterIn(headers: unknown): string | undefined {
  if (typeof headers !== 'object' || headers === null) return undefined;
  if ('get' in headers && typeof headers.get === 'function') {
    const value: unknown = headers.get('retry-after');
    return value === null || value === undefined ? undefined : String(value);
  }
  const found = Object.entries(headers).find(([name]) => name.toLowerCase() === 'retry-after');
  return found && String(found[1]);
}

const LONGEST_REASON = 300;

const spokenBody = z.union([
  z.string(),
  z.object({ message: z.string() }).transform(({ message }) => message),
  z.object({ detail: z.string() }).transform(({ detail }) => detail),
  z.object({ error: z.string() }).transform(({ error }) => error),
]);

function reasonIn(body: unknown): string | undefined {
  const reason = spokenBody.safeParse(body).data?.trim();
  return reason ? shown(reason, LONGEST_REASON) : undefined;
}

const LONGEST_URL = 2_000;
const asked = z.object({ request: z.object({ method: z.string(), url: z.string() }) });

/** What was asked, where the thrown error knows it, without secrets. */
export function requestOf(thrown: unknown): { method: string; url: string } | undefined {
  const request = asked.safeParse(thrown).data?.request;
  return request && { method: request.method, url: shown(request.url, LONGEST_URL) };
}

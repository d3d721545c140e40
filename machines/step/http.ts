import { z } from 'zod';

/**
 * What HTTP says about an attempt that failed: read from the shapes that fetch, ky and their like share (an error
 * with a `response` or a `request`), so that charts need no HTTP client and effects may use any.
 */

/** Statuses below 500 that may pass with time: RFC 9110 (408), RFC 8470 (425), RFC 6585 (429). */
const RETRYABLE_BELOW_500: ReadonlySet<number> = new Set([408, 425, 429]);
/** Statuses from 500 on that will not: the server lacks the method (501) or the protocol version (505). */
const PERMANENT_FROM_500: ReadonlySet<number> = new Set([501, 505]);

/** Names of URL parameters whose values are not to be shown. */
const SECRET_PARAMETER = /key|token|secret|pass|auth|sig|session|credential/i;
const URL_IN_TEXT = /\bhttps?:\/\/[^\s"'<>`]+/gi;

export function isRetryableStatus(status: number): boolean {
  return status >= 500 ? !PERMANENT_FROM_500.has(status) : RETRYABLE_BELOW_500.has(status);
}

const answered = z.object({
  response: z.object({
    status: z.number(),
    statusText: z.string().catch(''),
    headers: z.unknown(),
    url: z.string().optional().catch(undefined),
  }),
  data: z.unknown(),
});

/** What the other side answered: an error's `response`, and the body's own words where it has some. */
export interface Answer {
  readonly status: number;
  readonly statusText: string;
  readonly retryAfter: string | undefined;
  /** The reason that the body gives: a JSON body's `message` or `detail` (RFC 9457), or its text. */
  readonly reason: string | undefined;
}

export function answerOf(thrown: unknown): Answer | undefined {
  const { data } = answered.safeParse(thrown);
  if (data === undefined) return undefined;
  const { status, statusText, headers } = data.response;
  return { status, statusText, retryAfter: retryAfterIn(headers), reason: reasonIn(data.data) };
}

function retryAfterIn(headers: unknown): string | undefined {
  if (headers instanceof Headers) return headers.get('retry-after') ?? undefined;
  const { data } = z.object({ 'retry-after': z.coerce.string() }).safeParse(headers);
  return data?.['retry-after'];
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
  if (!reason) return undefined;
  return reason.length > LONGEST_REASON ? `${reason.slice(0, LONGEST_REASON)}…` : reason;
}

const asked = z.object({ request: z.object({ method: z.string(), url: z.string() }) });

/** What was asked, where the thrown error knows it, without secrets. */
export function requestOf(thrown: unknown): { method: string; url: string } | undefined {
  const request = asked.safeParse(thrown).data?.request;
  return request && { method: request.method, url: withoutSecrets(request.url) };
}

/** The text with each URL in it freed of user, password, fragment, and of parameters that sound secret. */
export function withoutSecrets(text: string): string {
  return text.replace(URL_IN_TEXT, (found) => {
    if (!URL.canParse(found)) return '<malformed URL>';
    const url = new URL(found);
    url.username = '';
    url.password = '';
    url.hash = '';
    for (const name of [...url.searchParams.keys()]) {
      if (SECRET_PARAMETER.test(name)) url.searchParams.set(name, 'redacted');
    }
    return url.href;
  });
}

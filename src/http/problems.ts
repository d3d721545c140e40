import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply } from 'fastify';
import { type Problem, problem, problemOf } from '../doors/index.ts';
import { NotStartedError } from './not-started-error.ts';
import { securityHeaders } from './security-headers.ts';

/** Everything that is not done is answered as problem details (RFC 9457), without stack or path. */
const MEDIA_TYPE = 'application/problem+json; charset=utf-8';
/** In s: how soon to try again what could not be done now. */
const RETRY_AFTER = 1;

/** A problem of which the status says all. */
export function blank(status: number, detail: string): Problem {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail };
}

export function sendProblem(reply: FastifyReply, details: Problem): FastifyReply {
  if (details.status === 503) reply.header('retry-after', RETRY_AFTER);
  return reply.code(details.status).headers(securityHeaders).type(MEDIA_TYPE).send(details);
}

/** What a request runs into. Of an error that is nobody's business the caller learns nothing. */
export function problemOfRequest(error: unknown, { maxBody }: { maxBody: number }): Problem {
  if (error instanceof NotStartedError) return problem('unavailable', error.message);
  return problemOf(error) ?? problemOfFastify(error, maxBody) ?? blank(500, 'Something went wrong here.');
}

function problemOfFastify(error: unknown, maxBody: number): Problem | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, statusCode = 500, message } = error as Partial<FastifyError> & Error;
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return problem('too_large', `The body is larger than ${maxBody} bytes, which is the limit.`);
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return blank(400, 'The body is not JSON, or has a key that is not taken, such as __proto__.');
    case 'FST_ERR_BAD_URL':
      return blank(400, 'The path cannot be decoded.');
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return blank(414, 'A part of the path is longer than any id.');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return blank(415, 'Expected a body of content-type application/json.');
    default:
      return statusCode < 500 ? blank(statusCode, `${message.replace(/\.$/, '')}.`) : undefined;
  }
}

/** What Node could not read as a request, by its code. */
const UNREADABLE: Readonly<Record<string, readonly [status: number, detail: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive in time.'],
  HPE_HEADER_OVERFLOW: [431, 'The header fields are larger than is taken.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The extensions of the chunks are larger than is taken.'],
};

/** Answers on a connection what was no request, and ends it. */
export function refuseConnection(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const [status, detail] = UNREADABLE[error.code ?? ''] ?? [400, 'This is no HTTP request.'];
  const body = JSON.stringify(blank(status, detail));
  const headers = {
    ...securityHeaders,
    'content-type': MEDIA_TYPE,
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`, () =>
    socket.destroy(),
  );
}

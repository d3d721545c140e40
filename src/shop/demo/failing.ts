import type { FastifyReply } from 'fastify';
import { message } from './answers.ts';
import type { ShopClock } from './clock.ts';
import type { FailureKind } from './faults.ts';

/**
 * Acts out a failure on a connection.
 *
 * - What is answered with a status goes through fastify; what breaks HTTP is done to the connection itself.
 * - `hang` leaves the connection to the client, or to the server's closing: nothing here waits for either.
 */

/** Retry-After is in whole seconds; a second is the least that says anything. */
const retryAfter = 1;

/** @param body The right answer, of which `truncated` sends a part. */
export function fail(reply: FastifyReply, kind: FailureKind, body: string, clock: ShopClock): FastifyReply {
  switch (kind) {
    case 'http_500':
      return refuse(reply, 500, 'The shop tripped over itself');
    case 'http_502':
      return refuse(reply, 502, 'The warehouse gave no sensible answer');
    case 'http_503':
      return refuse(reply, 503, 'The shop is closed for a moment');
    case 'http_503_retry_after':
      return refuse(reply.header('retry-after', retryAfter), 503, 'The shop is closed for a second');
    case 'http_429_retry_after':
      return refuse(reply.header('retry-after', retryAfter), 429, 'Too many customers: wait a second');
    case 'http_429_retry_after_date':
      return refuse(
        reply.header('retry-after', retryDate(clock.now())),
        429,
        'Too many customers: wait till then',
      );
    case 'not_json':
      return reply.code(200).type('application/json; charset=utf-8').send('<html><h1>Back soon</h1></html>');
    case 'hang':
      return reply.hijack();
    case 'reset':
      reply.hijack().raw.socket?.resetAndDestroy();
      return reply;
    case 'truncated':
      return truncate(reply, body);
    default:
      return kind satisfies never;
  }
}

/** The first whole second that is at least a second ahead: a date in a header has no finer parts. */
export function retryDate(now: number): string {
  return new Date(Math.ceil(now / 1_000 + retryAfter) * 1_000).toUTCString();
}

function refuse(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).type('application/json; charset=utf-8').send(message(text));
}

function truncate(reply: FastifyReply, body: string): FastifyReply {
  const bytes = Buffer.from(body);
  const { raw } = reply.hijack();
  raw.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': bytes.length });
  // Ended by the socket, once the half is out: ending the response would be noticed as too short by Node.
  raw.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => raw.socket?.end());
  return reply;
}

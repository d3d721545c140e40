import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isLoopback } from './options.ts';
import { blank, sendProblem } from './problems.ts';

/**
 * Who may ask.
 *
 * - G1. With a token, a request that does not carry it is refused. The comparison takes the same time whatever it carries.
 * - G2. Without one the door listens to this machine alone; then it also answers only to this machine's names, so that no page of a
 *   browser here can ask through a name of its own that was made to lead here.
 */
export function guard(token: string | undefined) {
  const isAllowed = token === undefined ? undefined : sameAs(`Bearer ${token}`);
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const { authorization = '', host = '' } = request.headers;
    if (isAllowed) {
      if (isAllowed(authorization)) return undefined;
      const why =
        authorization === ''
          ? 'This asks for the header Authorization: Bearer <token>.'
          : 'The header Authorization does not carry the token that is asked for.';
      return sendProblem(reply.header('www-authenticate', 'Bearer realm="taskchart"'), blank(401, why));
    }
    if (isLoopback(nameIn(host))) return undefined;
    return sendProblem(
      reply,
      blank(
        421,
        `The header Host is ${JSON.stringify(host)}; expected a name of this machine, such as localhost.`,
      ),
    );
  };
}

/** Hashed, so that both are of the same length, whatever is given. */
function sameAs(secret: string): (text: string) => boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const expected = digest(secret);
  return (text) => timingSafeEqual(digest(text), expected);
}

/** The name in a Host header: without the port, and of an IPv6 address without its brackets. */
function nameIn(host: string): string {
  if (!URL.canParse(`http://${host}`)) return '';
  return new URL(`http://${host}`).hostname.replace(/^\[(.*)\]$/, '$1');
}

import type { FastifyInstance } from 'fastify';
import { problem } from '../doors/index.ts';
import { sendProblem } from './problems.ts';

/**
 * Answers for a handler that takes too long; what that comes to later is passed over. Fastify's own `handlerTimeout` ends with the
 * reading of the request's body, before the handler begins.
 *
 * @param ms From the end of the request's head.
 */
export function answerWithin(app: FastifyInstance, ms: number): void {
  app.addHook('onRequest', async (_, reply) => {
    const late = () => {
      const detail =
        'It took too long, so it is unknown whether this was done. Repeat the very same request.';
      if (!reply.sent) sendProblem(reply, problem('unavailable', detail));
    };
    const timer = setTimeout(late, ms);
    reply.raw.once('close', () => clearTimeout(timer));
  });
}

import type { FastifyInstance } from 'fastify';
import { blank, sendProblem } from './problems.ts';

/**
 * Answers every other method on a route that is there with 405, and says which there are.
 *
 * @returns To be called when all routes are registered.
 */
export function refuseOtherMethods(app: FastifyInstance): () => void {
  const byUrl = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }) => {
    const methods = byUrl.get(url) ?? new Set();
    byUrl.set(url, methods);
    for (const each of [method].flat()) methods.add(each);
  });
  return () => {
    for (const [url, methods] of [...byUrl]) {
      const allowed = [...methods].join(', ');
      app.route({
        url,
        method: app.supportedMethods.filter((method) => !methods.has(method)),
        // Before its body is looked at.
        onRequest: async ({ method }, reply) =>
          sendProblem(
            reply.header('allow', allowed),
            blank(405, `There is no ${method} of ${url}; there is ${allowed}.`),
          ),
        handler: async () => {},
      });
    }
  };
}

import { fastify } from 'fastify';
import { answerWithin } from './deadline.ts';
import { guard } from './guard.ts';
import { takeJsonAlone } from './json-body.ts';
import { refuseOtherMethods } from './methods.ts';
import { NotStartedError } from './not-started-error.ts';
import { type HttpOptions, parseHttpOptions } from './options.ts';
import { blank, problemOfRequest, refuseConnection, sendProblem } from './problems.ts';
import { actionRoutes } from './routes/actions.ts';
import { healthRoutes } from './routes/health.ts';
import { taskRoutes } from './routes/tasks.ts';
import type { Running } from './running.ts';
import { securityHeaders } from './security-headers.ts';

/**
 * The HTTP door.
 *
 * - H1. Whatever comes is answered, and what is not done is answered as problem details: also what is no route, no method of one, no JSON,
 *   no HTTP, too large, or too late.
 * - H2. No answer holds a stack, a path of this machine, or what a backend said of its hosts.
 * - H3. It listens to this machine alone, unless there is a token.
 * - H4. It answers before the service has started and while it drains; whether work may be sent is said by `/health/ready`.
 */
export interface HttpDoor extends AsyncDisposable {
  /** Without a slash at its end: `http://127.0.0.1:4400`. */
  readonly url: string;
  /** Lets answers that are under way be given, for a second at most, and frees the port. Safe to call twice. */
  close(): Promise<void>;
}

interface Behind {
  /** What is behind the door; nothing while it starts. */
  readonly running: () => Running | undefined;
  /** Told of an error that a caller is told nothing of. */
  readonly onError: (error: unknown, request: { method: string; path: string }) => void;
}

const MAX_HEADER = 16_384;
/** An id has up to 128 characters, each of which may be written as three. */
const MAX_PARAM = 384;
const CLOSE_WITHIN = 1_000;

/**
 * Opens the door and resolves once it listens.
 *
 * @throws {InvalidOptionsError} Naming each option that is not as expected.
 * @throws What Node throws where it cannot listen (`code` is `EADDRINUSE`, `EACCES`, …).
 */
export async function startHttpDoor(options: HttpOptions, { running, onError }: Behind): Promise<HttpDoor> {
  const { port, host, token, maxBody, receiveWithin, ...settings } = parseHttpOptions(options);
  const app = fastify({
    logger: false,
    bodyLimit: maxBody,
    requestTimeout: receiveWithin,
    http: {
      maxHeaderSize: MAX_HEADER,
      headersTimeout: receiveWithin,
      requestTimeout: receiveWithin,
      connectionsCheckingInterval: Math.ceil(receiveWithin / 4),
      // The guard refuses it, with an answer of the form that all have.
      requireHostHeader: false,
    },
    routerOptions: { maxParamLength: MAX_PARAM },
    // It closes when there is nothing behind it any more, and answers until then.
    return503OnClosing: false,
    clientErrorHandler: refuseConnection,
    frameworkErrors: (error, _, reply) => sendProblem(reply, problemOfRequest(error, { maxBody })),
  });
  app.addHook('onRequest', async (_, reply) => void reply.headers(securityHeaders));
  answerWithin(app, settings.answerWithin);
  app.setErrorHandler((error, { method, url }, reply) => {
    const details = problemOfRequest(error, { maxBody });
    if (details.status === 500) onError(error, { method, path: pathOf(url) });
    return sendProblem(reply, details);
  });
  app.setNotFoundHandler(({ method, url }, reply) =>
    sendProblem(reply, blank(404, `There is no ${method} of ${pathOf(url)} here.`)),
  );
  takeJsonAlone(app);
  const finishRoutes = refuseOtherMethods(app);

  const service = () => {
    const now = running();
    if (!now) throw new NotStartedError();
    return now.service;
  };
  healthRoutes(app, running);
  await app.register(async (guarded) => {
    guarded.addHook('onRequest', guard(token));
    taskRoutes(guarded, service);
    actionRoutes(guarded, service);
  });
  finishRoutes();

  await app.listen({ port, host });
  const close = async () => {
    const late = setTimeout(() => app.server.closeAllConnections(), CLOSE_WITHIN);
    await app.close();
    clearTimeout(late);
  };
  const address = app.addresses()[0];
  const taken = typeof address === 'object' ? address.port : port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}`,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Of a request's URL, without what is asked for behind it, which may hold secrets. */
function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? '';
}

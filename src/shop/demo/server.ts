import type { ServerResponse } from 'node:http';
import { type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { type Answer, answerCart, answerCarts, answerProduct, answerProducts, message } from './answers.ts';
import { CallLog, type OpenCall, type ShopCall } from './calls.ts';
import type { ShopClock } from './clock.ts';
import { fail } from './failing.ts';
import { planFault } from './faults.ts';
import { type DemoShopOptions, parseDemoShopOptions } from './options.ts';

/**
 * The demo shop: products and carts over HTTP, failing on purpose.
 *
 * - S1. Every request that can be read as HTTP is in `calls`, whatever becomes of it.
 * - S2. Without an `Idempotency-Key`, and at the level `none`, every answer is the right one, at once.
 * - S3. What is wrong with a request (400) or with its route (404) is said without a fault before it.
 * - S4. Closing waits for nobody: connections are cut, timers cleared.
 */

export interface DemoShop extends AsyncDisposable {
  /** Without a slash at its end: `http://127.0.0.1:4500`. */
  readonly url: string;
  /** Every call it got, in the order of arrival; of more than 100,000 only the last ones. It grows while you look. */
  readonly calls: readonly ShopCall[];
  /** Cuts every connection, hanging ones too, and frees the port. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Starts a demo shop and resolves once it listens.
 *
 * @throws {DemoShopOptionsError} An option cannot be taken.
 * @throws What Node throws where it cannot listen (`code` is `EADDRINUSE`, `EACCES`, …).
 *
 * @example
 * ```ts
 * await using shop = await startDemoShop({ faults: 'none' });
 * const cart = await (await fetch(`${shop.url}/carts/2`)).json();
 * ```
 */
export async function startDemoShop(options: DemoShopOptions = {}): Promise<DemoShop> {
  const { port, host, faults: level, seed, count, clock } = parseDemoShopOptions({ ...options });
  const log = new CallLog(() => clock.now());
  const open = new WeakMap<FastifyRequest, OpenCall>();

  const begin = (request: FastifyRequest) => {
    const known = open.get(request);
    if (known !== undefined) return known;
    const call = log.begin(request.method, request.url, keyOf(request), request.headers['user-agent']);
    open.set(request, call);
    return call;
  };

  const serve = (answerTo: (request: FastifyRequest) => Answer) => {
    return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      const call = begin(request);
      const { status, body, rows } = answerTo(request);
      const { key } = call;
      if (key !== undefined) call.asked = await count(key, call.asked);
      const { asked } = call;
      const fault =
        key === undefined ? undefined : planFault({ seed, key, asked, level, ...(rows && { rows }) });
      if (fault?.kind === 'slow') {
        call.delay = fault.delay;
        if (!(await stayed(reply.raw, fault.delay, clock))) return reply.hijack();
      } else if (fault?.kind === 'hang') {
        call.answer = fault.kind;
        return fail(reply, fault.kind, body, clock);
      } else if (fault !== undefined) {
        log.end(call, fault.kind);
        return fail(reply, fault.kind, body, clock);
      }
      return reply.code(status).type('application/json; charset=utf-8').send(body);
    };
  };

  const app = fastify({
    logger: false,
    forceCloseConnections: true,
    // An address that cannot be decoded reaches neither hook nor route.
    frameworkErrors: ({ statusCode = 400, message: text }, request, { raw }) => {
      log.end(begin(request), statusCode);
      raw.writeHead(statusCode, { 'content-type': 'application/json; charset=utf-8' }).end(message(text));
    },
  });

  app.addHook('onRequest', async (request, reply) => {
    const call = begin(request);
    reply.raw.once('close', () => log.end(call, 'left'));
  });
  app.addHook('onSend', async (request, reply) => log.end(begin(request), reply.statusCode));
  app.setErrorHandler<Error & { statusCode?: number }>((error, _request, reply) => {
    return reply.code(error.statusCode ?? 500).send({ message: error.message });
  });
  app.setNotFoundHandler((request, reply) => {
    return reply.code(404).send({ message: `There is no ${request.method} ${request.url} here` });
  });

  app.get(
    '/products',
    serve(({ query }) => answerProducts(query)),
  );
  app.get(
    '/products/:id',
    serve(({ params }) => answerProduct(idOf(params))),
  );
  app.get(
    '/carts',
    serve(({ query }) => answerCarts(query)),
  );
  app.get(
    '/carts/:id',
    serve(({ params }) => answerCart(idOf(params))),
  );

  await app.listen({ port, host });
  const address = app.addresses()[0];
  const close = async () => app.close();
  return {
    url: urlOf(host, typeof address === 'object' ? address.port : port),
    calls: log.calls,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Waits, and says whether the client did too. */
function stayed(response: ServerResponse, ms: number, clock: ShopClock): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.setTimeout(() => {
      response.off('close', left);
      resolve(true);
    }, ms);
    const left = () => {
      clock.clearTimeout(timer);
      resolve(false);
    };
    response.once('close', left);
  });
}

function keyOf({ headers }: FastifyRequest): string | undefined {
  const key = headers['idempotency-key'];
  return typeof key === 'string' && key !== '' ? key : undefined;
}

function idOf(params: unknown): unknown {
  return typeof params === 'object' && params !== null && 'id' in params ? params.id : undefined;
}

/** Where to reach what listens on every address: at the loopback one. */
function urlOf(host: string, port: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { onTestFinished } from 'vitest';
import { failureOf } from '../../machines/step/failure.ts';
import { type Failure, retryPolicy } from '../../machines/step/index.ts';
import { type Asked, type ShopClientOptions, shopClient } from '../../src/shop/index.ts';

/** Local servers for the tests of the shop's client, and what its calls come to. */

export type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => unknown;

export interface LocalServer {
  /** Without a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** What it was asked, in the order of arrival. */
  readonly requests: readonly { readonly path: string; readonly headers: IncomingHttpHeaders }[];
  /** The most requests that it had at the same time. */
  readonly peak: number;
}

/** Starts a server on a free port; it is closed, and its connections cut, when the test has ended. */
export async function serve(handler: Handler): Promise<LocalServer> {
  const requests: LocalServer['requests'][number][] = [];
  let inFlight = 0;
  let peak = 0;
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    requests.push({ path, headers: request.headers });
    inFlight += 1;
    peak = Math.max(peak, inFlight);
    response.once('close', () => {
      inFlight -= 1;
    });
    handler(request, response, new URL(path, 'http://local'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    get peak() {
      return peak;
    },
  };
}

/** Starts a server that says this to whoever connects, whatever is asked, and hangs up. @returns Its URL. */
export async function say(words: string): Promise<string> {
  const server = createTcpServer((socket) => {
    socket.once('data', () => socket.end(words)).resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A port on which nobody listens. */
export async function closedPort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export function json(response: ServerResponse, body: unknown, status = 200, headers: object = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

export const CART = { id: 1, userId: 2, products: [{ id: 3, quantity: 1 }] };

/** Products with the ids 1 to `count`. */
export function rows(count: number): { id: number; price: number }[] {
  return Array.from({ length: count }, (_, index) => ({ id: index + 1, price: 1 }));
}

export interface CatalogueOptions {
  /** The most that it gives at a time, whatever it is asked for. */
  readonly cap?: number;
  /** What it says that there is in all. @default what there is */
  readonly total?: unknown;
}

/** The page that is asked for, of these products. */
export function pageOf(products: readonly unknown[], { searchParams }: URL, options: CatalogueOptions = {}) {
  const { cap = Number.POSITIVE_INFINITY, total = products.length } = options;
  const skip = Number(searchParams.get('skip'));
  const limit = Math.min(Number(searchParams.get('limit')), cap);
  const page = products.slice(skip, skip + limit);
  return { products: page, total, skip, limit: page.length };
}

/** On whose behalf calls are made here. */
export function asked(signal = new AbortController().signal): Asked {
  return { key: 't1/step', signal };
}

export function getCart(url: string, options: Partial<ShopClientOptions> = {}) {
  return shopClient({ url, ...options }).cart(1, asked());
}

export function getProducts(url: string, options: Partial<ShopClientOptions> = {}) {
  return shopClient({ url, ...options }).products(asked());
}

/** What a chart would make of what a call throws. */
export async function failureFrom(call: Promise<unknown>): Promise<Failure> {
  const thrown = await call.then(
    (value) => {
      throw new Error(`The call succeeded with ${JSON.stringify(value)}.`);
    },
    (error: unknown) => error,
  );
  return failureOf(thrown, { attempt: 1, retry: retryPolicy(), now: Date.now(), random: () => 0 });
}

import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import ky from 'ky';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { failed } from './failures.ts';

/** What fetch and ky really throw, from a server that really does this. */
const answers: Record<string, RequestListener> = {
  '/loop': (_, response) => response.writeHead(302, { location: '/loop' }).end(),
  '/elsewhere': (_, response) => response.writeHead(302, { location: 'ftp://shop.example/' }).end(),
  '/nowhere': (_, response) => response.writeHead(302, { location: 'http://[' }).end(),
  '/secret': (_, response) => response.writeHead(302, { location: 'http://me:pw@127.0.0.2/' }).end(),
  '/unsaid': (_, response) => response.writeHead(302).end(),
  '/choices': (_, response) => response.writeHead(300).end(),
  '/reset': (request) => request.socket.destroy(),
  '/garbage': (request) => request.socket.end('garbage\r\n\r\n'),
  '/cut': (request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 });
    response.write('{"id":', () => request.socket.destroySoon());
  },
  '/cut-chunks': (request, response) => {
    response.write('{"id":', () => request.socket.destroySoon());
  },
  '/half': (_, response) => response.end('{"id":'),
  '/html': (_, response) => response.end('<html>Oh.</html>'),
  '/misfit': (_, response) => response.end('{"id":"x"}'),
  '/hang': () => {},
  '/missing': (_, response) => {
    response.writeHead(404, { 'content-type': 'application/json' }).end('{"message":"Cart 1 not found"}');
  },
  '/busy': (_, response) => response.writeHead(429, { 'retry-after': '2' }).end(),
  '/away': (_, response) => response.writeHead(503, { 'retry-after': 'Thu, 01 Jan 1970 00:00:02 GMT' }).end(),
  '/broken': (_, response) => response.writeHead(500, { 'content-type': 'text/plain' }).end('Oh.'),
};

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  answers[pathname]?.(request, response);
});
let base = '';

beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  if (typeof address === 'object') base = `http://127.0.0.1:${address?.port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const cart = z.object({ id: z.number() });
/** Of the one answer that never comes; the others come however busy the machine is. In ms. */
const patience = (path: string) => (path === '/hang' ? 200 : 20_000);
const byKy = (path: string) =>
  ky(`${base}${path}?token=s3cr3t`, { retry: 0, timeout: patience(path) }).json(cart);
const byFetch = async (path: string) =>
  cart.parse(
    await (
      await fetch(`${base}${path}?token=s3cr3t`, { signal: AbortSignal.timeout(patience(path)) })
    ).json(),
  );

/** The failure of what was asked, be it refused at once or later. */
async function failureOf(ask: () => Promise<unknown>) {
  const failure = failed(
    await (async () => ask())().then(
      () => expect.fail('It succeeded.'),
      (error: unknown) => error,
    ),
  );
  expect(JSON.parse(JSON.stringify(failure))).toStrictEqual(failure);
  expect(JSON.stringify(failure)).not.toMatch(/s3cr3t|me:pw/);
  return failure;
}

describe.each([
  ['ky', byKy],
  ['fetch', byFetch],
])('by %s', (_, ask) => {
  test.each([
    ['/reset', 'network'],
    ['/garbage', 'network'],
    ['/cut', 'network'],
    ['/cut-chunks', 'network'],
    ['/half', 'invalid_json'],
    ['/html', 'invalid_json'],
    ['/hang', 'timeout'],
  ])('%s is tried again: %s', async (path, code) => {
    expect(await failureOf(() => ask(path))).toMatchObject({ code, delay: 1_000 });
  });

  test.each([
    ['/loop', 'redirect'],
    ['/elsewhere', 'redirect'],
    ['/nowhere', 'redirect'],
    ['/secret', 'redirect'],
    ['/misfit', 'invalid_data'],
  ])('%s is not tried again: %s', async (path, code) => {
    const failure = await failureOf(() => ask(path));
    expect(failure).toMatchObject({ code });
    expect(failure).not.toHaveProperty('delay');
  });

  test('data that does not fit tells where', async () => {
    expect(await failureOf(() => ask('/misfit'))).toMatchObject({
      issues: [{ path: 'id', message: 'Invalid input: expected number, received string' }],
    });
  });
});

describe('by ky', () => {
  test.each([
    ['/busy', 'http_429', 2_000],
    ['/away', 'http_503', 2_000],
    ['/broken', 'http_500', 1_000],
    ['/missing', 'http_404', undefined],
    ['/unsaid', 'http_302', undefined],
    ['/choices', 'http_300', undefined],
  ])('%s is %s, to be tried again after %i ms', async (path, code, delay) => {
    const failure = await failureOf(() => byKy(path));
    expect([failure.code, failure.delay]).toEqual([code, delay]);
    expect(failure.request).toEqual({ method: 'GET', url: `${base}${path}?token=redacted` });
  });

  test("an answer's own words are told", async () => {
    expect((await failureOf(() => byKy('/missing'))).message).toBe(
      `GET ${base}/missing?token=redacted was answered with 404 Not Found: Cart 1 not found`,
    );
  });

  test('a refused connection tells what was asked, and the cause', async () => {
    const closed = createServer();
    await once(closed.listen(0, '127.0.0.1'), 'listening');
    const address = closed.address();
    const port = typeof address === 'object' ? address?.port : 0;
    await new Promise((resolve) => closed.close(resolve));
    expect(await failureOf(() => ky(`http://127.0.0.1:${port}/`, { retry: 0 }).json())).toMatchObject({
      code: 'network',
      delay: 1_000,
      request: { method: 'GET', url: `http://127.0.0.1:${port}/` },
      cause: { name: 'TypeError', message: 'fetch failed', cause: { code: 'ECONNREFUSED' } },
    });
  });

  test('what is no URL is not asked again, and its secrets are not told', async () => {
    expect(await failureOf(() => ky('/carts/1?token=s3cr3t', { retry: 0 }).json())).toMatchObject({
      code: 'invalid_url',
      message: 'Failed to parse URL from /carts/1?token=redacted',
    });
    expect((await failureOf(() => ky('http://me:pw@127.0.0.1/', { retry: 0 }).json())).message).toBe(
      'Request cannot be constructed from a URL that includes credentials: http://127.0.0.1/',
    );
  });
});

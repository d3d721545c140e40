import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { shopClient } from '../../src/shop/index.ts';
import {
  asked,
  CART,
  closedPort,
  failureFrom,
  getCart,
  getProducts,
  json,
  pageOf,
  rows,
  say,
  serve,
} from './local-server.ts';

const RETRYABLE = { delay: expect.any(Number) };

describe('a status', () => {
  test.each([408, 425, 429, 500, 502, 503, 504, 506, 507, 508, 511, 520, 529, 599])(
    '%d may pass: another attempt',
    async (status) => {
      const server = await serve((_, response) => json(response, { message: 'Not now' }, status));
      expect(await failureFrom(getCart(server.url))).toMatchObject({
        ...RETRYABLE,
        code: `http_${status}`,
        message: expect.stringMatching(
          new RegExp(`^GET ${server.url}/carts/1 was answered with ${status}.*: Not now`),
        ),
        request: { method: 'GET', url: `${server.url}/carts/1` },
      });
      expect(server.requests).toHaveLength(1);
    },
  );

  test.each([
    300, 304, 400, 401, 402, 403, 404, 405, 406, 409, 410, 413, 415, 418, 422, 428, 431, 451, 499, 501, 505,
  ])('%d will not: it is permanent', async (status) => {
    const server = await serve((_, response) => response.writeHead(status).end());
    const failure = await failureFrom(getCart(server.url));
    expect(failure.code).toBe(`http_${status}`);
    expect(failure.delay).toBeUndefined();
    expect(server.requests).toHaveLength(1);
  });

  test('with a Retry-After makes the wait what it says', async () => {
    const server = await serve((_, response) => json(response, {}, 429, { 'retry-after': '17' }));
    expect((await failureFrom(getCart(server.url))).delay).toBe(17_000);
    expect((await failureFrom(getProducts(server.url))).delay).toBe(17_000);
  });

  test.each([
    [{ message: "Cart with id '9' not found" }, "Cart with id '9' not found"],
    [{ type: 'about:blank', detail: 'No such cart' }, 'No such cart'],
  ])('tells the reason that the body gives: %j', async (body, reason) => {
    const server = await serve((_, response) => json(response, body, 404));
    expect((await failureFrom(getCart(server.url))).message).toContain(reason);
  });
});

describe('the network', () => {
  test('nobody listens', async () => {
    const port = await closedPort();
    expect(await failureFrom(getCart(`http://127.0.0.1:${port}`))).toMatchObject({
      ...RETRYABLE,
      code: 'network',
      message: expect.stringContaining('ECONNREFUSED'),
      request: { method: 'GET', url: `http://127.0.0.1:${port}/carts/1` },
    });
  });

  test('the name is not known', async () => {
    expect(await failureFrom(getCart('http://shop.invalid'))).toMatchObject({
      ...RETRYABLE,
      code: 'network',
    });
  });

  test('the connection is reset before an answer', async () => {
    const server = await serve((request) => request.socket.resetAndDestroy());
    expect(await failureFrom(getCart(server.url))).toMatchObject({ ...RETRYABLE, code: 'network' });
  });

  test('it is no HTTP', async () => {
    const url = await say('Good day!\r\n\r\n');
    expect(await failureFrom(getCart(url))).toMatchObject({ ...RETRYABLE, code: 'network' });
  });
});

describe('a body', () => {
  const whole = JSON.stringify(CART);
  const half = whole.slice(0, whole.length / 2);
  const cut = {
    ...RETRYABLE,
    code: 'network',
    message: expect.stringMatching(/answered with 200 and a body that is cut short/),
  };
  const notJson = {
    ...RETRYABLE,
    code: 'invalid_json',
    message: expect.stringMatching(/answered with 200 and a body that is not JSON/),
  };

  test('reset in its middle', async () => {
    const server = await serve((request, response) => {
      response.writeHead(200, { 'content-length': whole.length });
      response.write(half, () => request.socket.resetAndDestroy());
    });
    expect(await failureFrom(getCart(server.url))).toMatchObject(cut);
  });

  test.each([
    ['with its length said', { 'content-length': whole.length }],
    ['in chunks', { 'transfer-encoding': 'chunked' }],
  ])('cut short, %s', async (_, headers) => {
    const server = await serve((request, response) => {
      response.writeHead(200, headers);
      response.write(half, () => request.socket.end());
    });
    expect(await failureFrom(getCart(server.url))).toMatchObject(cut);
  });

  test('cut short, and nobody said how long it would be', async () => {
    const url = await say(`HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${half}`);
    expect(await failureFrom(getCart(url))).toMatchObject(notJson);
  });

  test.each([
    ['a page of HTML', '<!doctype html><title>Oh</title>'],
    ['nothing', ''],
    ['half of it', half],
    ['more than it', `${whole}}`],
  ])('that is %s', async (_, body) => {
    const server = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    });
    expect(await failureFrom(getCart(server.url))).toMatchObject({
      ...notJson,
      request: { method: 'GET', url: `${server.url}/carts/1` },
      cause: { name: 'SyntaxError' },
    });
  });

  test('that is not there at all: 204', async () => {
    const server = await serve((_, response) => response.writeHead(204).end());
    expect(await failureFrom(getCart(server.url))).toMatchObject({ ...RETRYABLE, code: 'invalid_json' });
  });

  test.each<[unknown, string[]]>([
    [null, ['']],
    [[], ['']],
    ['cart', ['']],
    [{ message: 'Fine!' }, ['id', 'products', 'userId']],
    [{ ...CART, products: 'see the other cart' }, ['products']],
    [{ ...CART, products: [CART.products[0], { id: 1, quantity: null }] }, ['products[1].quantity']],
  ])('of another shape is permanent, and says where: %j', async (body, paths) => {
    const server = await serve((_, response) => json(response, body));
    const failure = await failureFrom(getCart(server.url));
    expect(failure).toMatchObject({
      code: 'invalid_data',
      message: expect.stringMatching(/answered with 200 and data of another shape: /),
      issues: paths.map((path) => ({ path })),
    });
    expect(failure.delay).toBeUndefined();
  });
});

describe('the timeout', () => {
  const late = {
    ...RETRYABLE,
    code: 'timeout',
    request: { method: 'GET', url: expect.stringMatching(/\/carts\/1$/) },
  };

  test('ends a request that is not answered', async () => {
    const gone = Promise.withResolvers<void>();
    const server = await serve((_, response) => response.once('close', gone.resolve));
    expect(await failureFrom(getCart(server.url, { timeout: 50 }))).toMatchObject(late);
    await gone.promise;
  });

  test('ends one whose body does not come to its end', async () => {
    const gone = Promise.withResolvers<void>();
    const server = await serve((_, response) => {
      response.once('close', gone.resolve);
      response.writeHead(200).write('{"id":');
    });
    expect(await failureFrom(getCart(server.url, { timeout: 100 }))).toMatchObject(late);
    await gone.promise;
  });

  test('is for each request: pages that take their time one after another are not late together', async () => {
    const server = await serve((_, response, url) => {
      setTimeout(() => json(response, pageOf(rows(4), url)), 300);
    });
    expect(await getProducts(server.url, { pageSize: 1, concurrency: 1, timeout: 1_000 })).toHaveLength(4);
  });

  test('leaves the connection of others alone', async () => {
    const server = await serve((_, response, { pathname }) => {
      if (pathname === '/carts/1') json(response, CART);
    });
    const client = shopClient({ url: server.url, timeout: 500 });
    const [hanging, cart] = await Promise.all([
      failureFrom(client.cart(2, asked())),
      client.cart(1, asked()),
    ]);
    expect(hanging.code).toBe('timeout');
    expect(cart.id).toBe(1);
  });
});

describe('an abort', () => {
  test('ends the request: the shop sees the connection close', async () => {
    const arrived = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    const server = await serve((_, response) => {
      response.once('close', gone.resolve);
      arrived.resolve();
    });
    const aborter = new AbortController();
    const call = expect(shopClient({ url: server.url }).cart(1, asked(aborter.signal))).rejects.toThrow(
      'Enough.',
    );
    await arrived.promise;
    aborter.abort(new Error('Enough.'));
    await gone.promise;
    await call;
  });

  test('ends one whose body is being read', async () => {
    const gone = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const server = await serve((_, response) => {
      response.once('close', gone.resolve);
      response.writeHead(200);
      response.write('{"id":', () => begun.resolve());
    });
    const aborter = new AbortController();
    const call = expect(shopClient({ url: server.url }).cart(1, asked(aborter.signal))).rejects.toThrow();
    await begun.promise;
    aborter.abort(new Error('Enough.'));
    await gone.promise;
    await call;
  });

  test('ends all pages that are asked for, and asks for no more', async () => {
    const aborter = new AbortController();
    const gone: Promise<unknown>[] = [];
    const server = await serve((_, response, url) => {
      if (url.searchParams.get('skip') === '0') return json(response, pageOf(rows(500), url));
      gone.push(once(response, 'close'));
      if (gone.length === 4) aborter.abort(new Error('Enough.'));
    });
    const client = shopClient({ url: server.url, pageSize: 10 });
    await expect(client.products(asked(aborter.signal))).rejects.toThrow('Enough.');
    await Promise.all(gone);
    // One more round trip: whatever else was under way would have come before it.
    const socket = connect(server.port, '127.0.0.1');
    socket.write('GET /products?skip=0&limit=1 HTTP/1.1\r\nhost: local\r\nconnection: close\r\n\r\n');
    socket.resume();
    await once(socket, 'end');
    expect(server.requests).toHaveLength(1 + 4 + 1);
  });
});

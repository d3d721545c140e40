import { describe, expect, test } from 'vitest';
import { shopClient } from '../../src/shop/index.ts';
import { asked, CART, failureFrom, getCart, getProducts, json, pageOf, rows, serve } from './local-server.ts';

/** A shop that always answers with a cart. */
const cartShop = () => serve((_, response) => json(response, CART));

describe('every request carries', () => {
  test('its key as Idempotency-Key, and the page behind it where there are several', async () => {
    const server = await serve((_, response, url) => {
      json(response, url.pathname === '/carts/1' ? CART : pageOf(rows(72), url));
    });
    await getCart(server.url);
    await getProducts(server.url, { pageSize: 30 });
    expect(server.requests.map(({ path, headers }) => [path, headers['idempotency-key']])).toEqual([
      ['/carts/1', 't1/step'],
      ['/products?limit=30&skip=0', 't1/step/skip=0'],
      ['/products?limit=30&skip=30', 't1/step/skip=30'],
      ['/products?limit=30&skip=60', 't1/step/skip=60'],
    ]);
  });

  test('who asks, and for what', async () => {
    const server = await cartShop();
    await getCart(server.url);
    await getCart(server.url, { userAgent: 'orders/1.2 (+https://orders.example)' });
    expect(server.requests.map(({ headers }) => [headers['user-agent'], headers.accept])).toEqual([
      ['taskchart', 'application/json'],
      ['orders/1.2 (+https://orders.example)', 'application/json'],
    ]);
  });

  test('what keeps the connection alive for the next', async () => {
    const sockets = new Set<unknown>();
    const server = await serve((request, response) => {
      sockets.add(request.socket);
      json(response, CART);
    });
    for (let call = 0; call < 10; call += 1) await getCart(server.url);
    expect(server.requests.every(({ headers }) => headers.connection === 'keep-alive')).toBe(true);
    expect(sockets.size).toBeLessThan(5);
  });
});

describe('the base URL', () => {
  test.each([
    ['', '/carts/1'],
    ['/', '/carts/1'],
    ['///', '/carts/1'],
    ['/api', '/api/carts/1'],
    ['/api/', '/api/carts/1'],
    ['/api/v2', '/api/v2/carts/1'],
    ['/a%20b/', '/a%20b/carts/1'],
  ])('with %j at its end', async (end, path) => {
    const server = await cartShop();
    await getCart(`${server.url}${end}`);
    expect(server.requests.map((request) => request.path)).toEqual([path]);
  });

  test('with a path reaches the products there, too', async () => {
    const server = await serve((_, response, url) => json(response, pageOf(rows(2), url)));
    await getProducts(`${server.url}/api/`);
    expect(server.requests.map(({ path }) => path)).toEqual(['/api/products?limit=100&skip=0']);
  });

  test.each([
    ['me:secret', 'me:secret'],
    ['me', 'me:'],
    [':secret', ':secret'],
    ['m%40e:s%3A%2Fcr%C3%A9t', 'm@e:s:/crét'],
  ])('with the credentials %s sends them as basic authorization', async (userInfo, credentials) => {
    const server = await cartShop();
    await getCart(`http://${userInfo}@127.0.0.1:${server.port}`);
    const { authorization } = server.requests[0]?.headers ?? {};
    expect(authorization).toBe(`Basic ${Buffer.from(credentials).toString('base64')}`);
  });

  test('without credentials sends none', async () => {
    const server = await cartShop();
    await getCart(server.url);
    expect(server.requests[0]?.headers).not.toHaveProperty('authorization');
  });

  test('with credentials never shows them in an error', async () => {
    const server = await serve((_, response, { pathname }) => {
      if (pathname.startsWith('/404')) return json(response, {}, 404);
      if (pathname.startsWith('/shape')) return json(response, { id: 'none' });
      if (pathname.startsWith('/text')) return response.end('text');
      return response.destroy();
    });
    for (const path of ['404', 'shape', 'text', 'reset']) {
      const url = `http://me:s3cr3t@127.0.0.1:${server.port}/${path}`;
      const thrown = await getCart(url).catch((error: unknown) => error);
      const failure = await failureFrom(Promise.reject(thrown));
      expect(failure.request?.url).toBe(`${server.url}/${path}/carts/1`);
      expect(JSON.stringify(failure)).not.toMatch(/s3cr3t|bWU6czNjcjN0/);
      expect(thrown).toBeInstanceOf(Error);
      expect(String(thrown)).not.toContain('s3cr3t');
    }
  });
});

describe('a redirect', () => {
  const redirecting = (location: string | undefined, status = 302) =>
    serve((_, response, { pathname }) => {
      if (pathname === '/elsewhere/carts/1') return json(response, CART);
      response.writeHead(status, location === undefined ? {} : { location });
      return response.end();
    });

  test.each([301, 302, 303, 307, 308])('of %d is followed, with the key', async (status) => {
    const server = await redirecting('/elsewhere/carts/1', status);
    expect(await getCart(server.url)).toMatchObject({ id: 1 });
    expect(server.requests.map(({ path, headers }) => [path, headers['idempotency-key']])).toEqual([
      ['/carts/1', 't1/step'],
      ['/elsewhere/carts/1', 't1/step'],
    ]);
  });

  test('to another host is followed, but credentials stay behind', async () => {
    const other = await cartShop();
    const server = await redirecting(`${other.url}/moved`);
    await getCart(`http://me:s3cr3t@127.0.0.1:${server.port}`);
    expect(server.requests[0]?.headers).toHaveProperty('authorization');
    expect(other.requests[0]).toMatchObject({ path: '/moved' });
    expect(other.requests[0]?.headers).not.toHaveProperty('authorization');
  });

  test.each([
    ['in a circle', '/carts/1', 'redirect'],
    ['to what is no URL', 'http://', 'redirect'],
    ['to what is no HTTP', 'ftp://127.0.0.1/', 'redirect'],
    ['to nowhere', undefined, 'http_302'],
  ])('%s fails for good', async (_, location, code) => {
    const failure = await failureFrom(getCart((await redirecting(location)).url));
    expect(failure).toMatchObject({ code, request: { method: 'GET' } });
    expect(failure.delay).toBeUndefined();
  });

  test('to a server that is away may work later', async () => {
    const failure = await failureFrom(getCart((await redirecting('http://127.0.0.1:1/')).url));
    expect(failure).toMatchObject({ code: 'network', delay: expect.any(Number) });
  });

  test('where it led to wrong data: that address is named, without its secrets', async () => {
    const other = await serve((_, response) => json(response, { id: 1 }));
    const server = await redirecting(`${other.url}/moved?token=s3cr3t`);
    const thrown: unknown = await getCart(server.url).catch((error: unknown) => error);
    expect(String(thrown)).toContain(`${other.url}/moved?token=redacted`);
    expect(JSON.stringify(await failureFrom(Promise.reject(thrown)))).not.toContain('s3cr3t');
  });
});

test('a call whose signal is aborted already asks nothing', async () => {
  const server = await cartShop();
  const client = shopClient({ url: server.url });
  const aborted = asked(AbortSignal.abort(new Error('Enough.')));
  await expect(client.cart(1, aborted)).rejects.toThrow('Enough.');
  await expect(client.products(aborted)).rejects.toThrow('Enough.');
  expect(server.requests).toEqual([]);
});

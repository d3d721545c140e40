import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SimulatedClock } from 'xstate';
import { z } from 'zod';
import { type DemoShop, type DemoShopOptions, startDemoShop } from '../../../src/shop/demo/index.ts';
import { ask, keyFor, untilCall } from './shop-in-tests.ts';

const start = async (options?: DemoShopOptions): Promise<DemoShop> => {
  const shop = await startDemoShop(options);
  onTestFinished(() => shop.close());
  return shop;
};

const text = z.string().min(1);
const url = z.url();
const cents = z.number().multipleOf(0.01);
const products = z.array(
  z.strictObject({
    id: z.int().min(1),
    title: text,
    description: text,
    category: text,
    price: cents.positive(),
    discountPercentage: z.number().min(0).max(100),
    rating: z.number().min(1).max(5),
    stock: z.int().min(0),
    tags: z.array(text).min(1),
    brand: text.optional(),
    sku: text,
    weight: z.int().positive(),
    dimensions: z.strictObject({ width: z.number(), height: z.number(), depth: z.number() }),
    warrantyInformation: text,
    shippingInformation: text,
    availabilityStatus: z.enum(['In Stock', 'Low Stock', 'Out of Stock']),
    reviews: z.array(
      z.strictObject({
        rating: z.int().min(1).max(5),
        comment: text,
        date: z.iso.datetime(),
        reviewerName: text,
        reviewerEmail: z.email(),
      }),
    ),
    returnPolicy: text,
    minimumOrderQuantity: z.int().min(1),
    meta: z.strictObject({
      createdAt: z.iso.datetime(),
      updatedAt: z.iso.datetime(),
      barcode: z.string().regex(/^\d{13}$/),
      qrCode: url,
    }),
    images: z.array(url).min(1),
    thumbnail: url,
  }),
);
const page = z.strictObject({ products, total: z.int(), skip: z.int(), limit: z.int() });

const get = async (shop: DemoShop, path: string) => {
  const answer = await ask(shop, path);
  expect(answer.headers.get('content-type')).toContain('application/json');
  return { status: answer.status, body: await answer.json() };
};

describe('products', () => {
  test('all of them, in the shape of dummyjson', async () => {
    const { body } = await get(await start(), '/products?limit=0');
    const { products: all, ...counts } = page.parse(body);
    expect(counts).toEqual({ total: 72, skip: 0, limit: 72 });
    expect(all.map(({ id }) => id)).toEqual(all.map((_, index) => index + 1));
    expect(new Set(all.map(({ title }) => title)).size).toBe(72);
    expect(new Set(all.map(({ sku }) => sku)).size).toBe(72);
    expect(new Set(all.map(({ availabilityStatus }) => availabilityStatus)).size).toBe(3);
    expect(all[3]?.price).toBe(12.99);
    expect(all[5]?.price).toBe(49.99);
    expect(all.slice(0, 30).filter((product) => !('brand' in product))).toHaveLength(15);
  });

  test.each([
    ['', 1, 30, 0],
    ['?skip=30', 31, 30, 30],
    ['?skip=60', 61, 12, 60],
    ['?limit=7&skip=3', 4, 7, 3],
    ['?limit=0&skip=70', 71, 2, 70],
    ['?limit=500', 1, 72, 0],
    ['?skip=72', undefined, 0, 72],
    ['?skip=900&limit=5', undefined, 0, 900],
    ['?select=title', 1, 30, 0],
  ])('a page: /products%s', async (query, first, count, skip) => {
    const { status, body } = await get(await start(), `/products${query}`);
    const { products: found, ...counts } = page.parse(body);
    expect(status).toBe(200);
    expect(counts).toEqual({ total: 72, skip, limit: count });
    expect(found).toHaveLength(count);
    expect(found[0]?.id).toBe(first);
  });

  test('one of them is the same alone and in a page', async () => {
    const shop = await start();
    const { products: all } = page.parse((await get(shop, '/products?limit=0')).body);
    expect((await get(shop, '/products/4')).body).toEqual(all[3]);
  });

  test('every shop has the same', async () => {
    const [one, other] = [await start({ seed: 1 }), await start({ seed: 2 })];
    expect((await get(one, '/products?limit=0')).body).toEqual((await get(other, '/products?limit=0')).body);
  });
});

describe('carts', () => {
  test('the list holds those that can be read', async () => {
    const { body } = await get(await start(), '/carts?limit=0');
    expect(body).toMatchObject({ total: 26, skip: 0, limit: 26 });
  });

  test('cart 2 in full', async () => {
    const { body } = await get(await start(), '/carts/2');
    expect(body).toEqual({
      id: 2,
      products: [
        {
          id: 4,
          title: 'Beeswax Lip Balm',
          price: 12.99,
          quantity: 2,
          total: 25.98,
          discountPercentage: 14.12,
          discountedTotal: 22.31,
          thumbnail: 'https://shop.example/images/beauty/4/thumbnail.webp',
        },
        {
          id: 6,
          title: 'Cedar Night Cream',
          price: 49.99,
          quantity: 3,
          total: 149.97,
          discountPercentage: 5.39,
          discountedTotal: 141.89,
          thumbnail: 'https://shop.example/images/beauty/6/thumbnail.webp',
        },
      ],
      total: 175.95,
      discountedTotal: 164.2,
      userId: 102,
      totalProducts: 2,
      totalQuantity: 5,
    });
  });
});

describe('what it refuses', () => {
  test.each([
    ['/carts/999', 404, "Cart with id '999' not found"],
    ['/carts/29', 404, "Cart with id '29' not found"],
    ['/products/73', 404, "Product with id '73' not found"],
    ['/carts/28', 503, "Cart with id '28' cannot be reached just now"],
    ['/carts/abc', 400, "id is 'abc': expected a whole number from 1 to 999999999"],
    ['/carts/0', 400, "id is '0': expected a whole number from 1 to 999999999"],
    ['/products/-1', 400, "id is '-1': expected a whole number from 1 to 999999999"],
    ['/products/1.5', 400, "id is '1.5': expected a whole number from 1 to 999999999"],
    ['/products/', 400, "id is '': expected a whole number from 1 to 999999999"],
    ['/products?limit=ten', 400, "limit is 'ten': expected a whole number from 0 (all) to 999999999"],
    ['/products?limit=', 400, "limit is '': expected a whole number from 0 (all) to 999999999"],
    ['/products?limit=1e3', 400, "limit is '1e3': expected a whole number from 0 (all) to 999999999"],
    ['/products?skip=-1', 400, "skip is '-1': expected a whole number from 0 to 999999999"],
    ['/carts?skip=1&skip=2', 400, "skip is '1,2': expected a whole number from 0 to 999999999"],
    ['/orders', 404, 'There is no GET /orders here'],
    ['/carts/%zz', 400, "'/carts/%zz' is not a valid url component"],
  ])('%s → %d', async (path, status, message) => {
    const shop = await start();
    expect(await get(shop, path)).toEqual({ status, body: { message } });
    expect(shop.calls).toHaveLength(1);
    expect(shop.calls[0]).toMatchObject({ method: 'GET', path, answer: status });
  });

  test('what is wrong with the request itself is said without a fault (S3)', async () => {
    const shop = await start({ faults: 'many' });
    expect((await ask(shop, '/carts/abc', keyFor('hang'))).status).toBe(400);
  });

  test('a method it does not have', async () => {
    const shop = await start();
    const answer = await fetch(`${shop.url}/carts`, { method: 'POST', body: '{}' });
    expect(answer.status).toBe(404);
    expect(shop.calls[0]).toMatchObject({ method: 'POST', path: '/carts', answer: 404 });
  });
});

describe('calls', () => {
  test('are told in order, with keys and how often these were asked', async () => {
    const before = Date.now();
    const shop = await start({ faults: 'none' });
    await ask(shop, '/carts/1', 'a/fetch_cart');
    await ask(shop, '/products?limit=30&skip=30', 'a/fetch_products/skip=30');
    await ask(shop, '/carts/1', 'a/fetch_cart');
    await ask(shop, '/carts/1');
    await ask(shop, '/carts/1', '');
    const common = { agent: 'node', method: 'GET', path: '/carts/1', delay: 0, answer: 200 };
    expect(shop.calls.map(({ started_at, ended_at, ...call }) => call)).toEqual([
      { ...common, key: 'a/fetch_cart', asked: 1 },
      { ...common, path: '/products?limit=30&skip=30', key: 'a/fetch_products/skip=30', asked: 1 },
      { ...common, key: 'a/fetch_cart', asked: 2 },
      { ...common, asked: 0 },
      { ...common, asked: 0 },
    ]);
    for (const { started_at, ended_at } of shop.calls) {
      expect(started_at).toBeGreaterThanOrEqual(before);
      expect(ended_at).toBeGreaterThanOrEqual(started_at);
    }
  });

  test('S2: without a key nothing fails, and nothing at none', async () => {
    const many = await start({ faults: 'many' });
    const none = await start({ faults: 'none' });
    for (let round = 0; round < 20; round++) {
      await ask(many, '/carts/1');
      await ask(none, '/carts/1', `t${round}/fetch_cart`);
    }
    for (const { calls } of [many, none]) {
      expect(calls.map(({ answer, delay }) => [answer, delay])).toEqual(Array(20).fill([200, 0]));
    }
  });
});

describe('closing', () => {
  test('S4: at once, with hanging, slow and idle connections, and twice', async () => {
    const shop = await start({ faults: 'many', clock: new SimulatedClock() });
    const idle = connect(Number(new URL(shop.url).port), '127.0.0.1');
    await once(idle, 'connect');
    const pending = (['hang', 'slow'] as const).map((kind) => keyFor(kind));
    const cut = pending.map((key) => expect(ask(shop, '/carts/1', key)).rejects.toThrow('fetch failed'));
    for (const key of pending) await untilCall(shop, key);
    const idleEnds = once(idle, 'close');
    const begun = performance.now();
    await shop.close();
    await shop.close();
    expect(performance.now() - begun).toBeLessThan(1_000);
    await Promise.all(cut);
    await idleEnds;
    for (const [index, answer] of ['hang', 'left'].entries()) {
      const call = shop.calls.find(({ key }) => key === pending[index]);
      expect(call).toMatchObject({ answer, ended_at: expect.any(Number) });
    }
    await expect(ask(shop, '/carts/1')).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  });

  test('by leaving its block', async () => {
    let url: string;
    {
      await using shop = await startDemoShop();
      url = shop.url;
      expect((await ask({ url }, '/carts/1')).status).toBe(200);
    }
    await expect(ask({ url }, '/carts/1')).rejects.toThrow('fetch failed');
  });
});

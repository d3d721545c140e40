import { describe, expect, onTestFinished, test } from 'vitest';
import { memoryBackend } from '../../src/backends/memory/index.ts';
import { planFault, startDemoShop } from '../../src/shop/demo/index.ts';
import { shopClient, shopOrderTask } from '../../src/shop/index.ts';
import { outcomeOf } from '../machines/order/fixtures.ts';
import { CART, json, pageOf, rows, serve } from './local-server.ts';

/** The order against real servers, in real time. */

async function orderAt(url: string, random = Math.random) {
  const backend = memoryBackend();
  onTestFinished(() => backend.close());
  return shopOrderTask({
    shop: shopClient({ url }),
    records: backend.records,
    publish: (message) => backend.events.publish(message),
  }).provide({}, { random });
}

/** A task whose fetches the local shop answers slowly, and well. */
function slowTask(): string {
  for (let number = 0; number < 100_000; number += 1) {
    const id = `slow-${number}`;
    const question = { seed: 1, asked: 1, level: 'some' } as const;
    const cart = planFault({ ...question, key: `${id}/fetch_cart` });
    const rows = { from: 0, to: 72, total: 72 };
    const products = planFault({ ...question, key: `${id}/fetch_products/skip=0`, rows });
    if (cart?.kind === 'slow' && products?.kind === 'slow') return id;
  }
  throw new Error('No task of 100,000 is slow twice.');
}

test('the two fetches overlap in time, against the local shop', async () => {
  const shop = await startDemoShop({ faults: 'some', seed: 1 });
  onTestFinished(() => shop.close());
  const { output } = await outcomeOf(await orderAt(shop.url), { id: slowTask(), context: { cart_id: 2 } });
  expect(output.status).toBe('complete');
  const call = (path: string) => shop.calls.find((each) => each.path.startsWith(path));
  const [cart, products] = [call('/carts/2'), call('/products?')];
  if (!cart?.ended_at || !products?.ended_at) throw new Error('The shop was not asked for both.');
  // Each takes 150 ms at least: had one waited for the other, none of these would hold.
  const overlap = Math.min(cart.ended_at, products.ended_at) - Math.max(cart.started_at, products.started_at);
  expect(overlap).toBeGreaterThan(75);
});

describe('Retry-After', () => {
  test('of 2 s, as seconds and as a date: no attempt comes before it is over', async () => {
    const asked = { cart: [] as number[], products: [] as number[] };
    let date = 0;
    const server = await serve((_, response, url) => {
      const isCart = url.pathname === '/carts/7';
      const times = isCart ? asked.cart : asked.products;
      times.push(Date.now());
      if (times.length > 1) return json(response, isCart ? { ...CART, id: 7 } : pageOf(rows(3), url));
      if (isCart) return json(response, {}, 429, { 'retry-after': '2' });
      // A date knows whole seconds only: the first that is 2 s ahead or more.
      date = Math.ceil((Date.now() + 2_000) / 1_000) * 1_000;
      return json(response, {}, 503, { 'retry-after': new Date(date).toUTCString() });
    });
    // Little of the spread behind it, so that the test is short.
    const { report } = await outcomeOf(await orderAt(server.url, () => 0.01), {});
    expect(report.steps).toMatchObject({ fetch_cart: { attempts: 2 }, fetch_products: { attempts: 2 } });
    const [first = 0, second = 0] = asked.cart;
    expect(second - first).toBeGreaterThanOrEqual(2_000);
    expect(asked.products).toHaveLength(2);
    expect(asked.products[1]).toBeGreaterThanOrEqual(date);
  }, 10_000);
});

import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  type DemoExpectation,
  demoCarts,
  type IssueCode,
  startDemoShop,
} from '../../../src/shop/demo/index.ts';

/**
 * The expectations against an order worked out from what the shop serves, in whole numbers and by itself:
 * nothing here comes from the code that makes the carts.
 */

const cartShape = z.object({
  id: z.int(),
  products: z.array(
    z.object({ id: z.int(), price: z.number(), quantity: z.number(), discountPercentage: z.number() }),
  ),
  userId: z.int(),
});
const productsShape = z.object({
  products: z.array(
    z.object({ id: z.int(), price: z.number(), stock: z.int(), availabilityStatus: z.string() }),
  ),
});
type Cart = z.infer<typeof cartShape>;
type Products = Map<number, z.infer<typeof productsShape>['products'][number]>;

/** 14.12 → 1412n, read off the digits, so that no arithmetic can go wrong. */
function hundredths(amount: number): bigint {
  const [whole = '0', parts = ''] = String(amount).split('.');
  if (parts.length > 2) throw new Error(`${amount} has more than two decimals.`);
  return BigInt(whole + parts.padEnd(2, '0'));
}

function issuesOf(cart: Cart, products: Products): IssueCode[] {
  if (cart.products.length === 0) return ['cart_is_empty'];
  const summed = new Map<number, number>();
  return cart.products.flatMap(({ id, quantity }): IssueCode[] => {
    if (!Number.isInteger(quantity) || quantity < 1) return ['quantity_is_invalid'];
    const product = products.get(id);
    if (product === undefined) return ['product_is_unknown'];
    if (product.availabilityStatus === 'Out of Stock') return ['product_is_unavailable'];
    const before = summed.get(id) ?? 0;
    summed.set(id, before + quantity);
    return before <= product.stock && before + quantity > product.stock ? ['stock_is_short'] : [];
  });
}

function orderOf(cart: Cart, products: Products): DemoExpectation {
  let total = 0n;
  let discounted = 0n;
  for (const { id, quantity, discountPercentage } of cart.products) {
    const amount = BigInt(quantity) * hundredths(products.get(id)?.price ?? Number.NaN);
    total += amount;
    discounted += (amount * (10_000n - hundredths(discountPercentage)) + 5_000n) / 10_000n;
  }
  return { status: 'complete', total: Number(total) / 100, discounted_total: Number(discounted) / 100 };
}

async function workOut(url: string, id: number): Promise<DemoExpectation> {
  const answer = await fetch(`${url}/carts/${id}`);
  if (answer.status === 404) return { status: 'error', code: 'http_404' };
  if (answer.status === 503) return { status: 'error', code: 'http_503' };
  const cart = cartShape.safeParse(await answer.json());
  if (!cart.success) return { status: 'error', code: 'invalid_data' };
  const all = productsShape.parse(await (await fetch(`${url}/products?limit=0`)).json());
  const products: Products = new Map(all.products.map((product) => [product.id, product]));
  const issues = issuesOf(cart.data, products);
  return issues.length > 0 ? { status: 'error', code: 'rejected', issues } : orderOf(cart.data, products);
}

test.each(demoCarts)('cart $id: $title', async ({ id, expect: expected }) => {
  await using shop = await startDemoShop({ faults: 'none' });
  expect(await workOut(shop.url, id)).toEqual(expected);
});

describe('between them', () => {
  test('they have every reason to be refused, and ids and titles of their own', () => {
    const codes = demoCarts.flatMap(({ expect: { status, ...rest } }) =>
      'code' in rest ? rest.code : status,
    );
    expect(new Set(codes)).toEqual(new Set(['complete', 'rejected', 'http_404', 'http_503', 'invalid_data']));
    const issues = demoCarts.flatMap(({ expect: expected }) => ('issues' in expected ? expected.issues : []));
    expect(new Set(issues)).toEqual(
      new Set<IssueCode>([
        'cart_is_empty',
        'quantity_is_invalid',
        'product_is_unknown',
        'product_is_unavailable',
        'stock_is_short',
      ]),
    );
    expect(new Set(demoCarts.map(({ id }) => id)).size).toBe(demoCarts.length);
    expect(new Set(demoCarts.map(({ title }) => title)).size).toBe(demoCarts.length);
  });

  test('cart 2 is that of user 102', async () => {
    await using shop = await startDemoShop({ faults: 'none' });
    const cart = cartShape.parse(await (await fetch(`${shop.url}/carts/2`)).json());
    expect(cart.userId).toBe(102);
  });

  test("one cart's prices are not the catalogue's", async () => {
    await using shop = await startDemoShop({ faults: 'none' });
    const cart = cartShape.parse(await (await fetch(`${shop.url}/carts/12`)).json());
    expect(cart.products.map(({ price }) => price)).toEqual([29.95, 9.4]);
    const product = productsShape.shape.products.element.parse(
      await (await fetch(`${shop.url}/products/49`)).json(),
    );
    expect(product.price).toBe(31.25);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createOrder, orderIdOf, orderSchema, type ValidatedCart } from '../../../machines/order/index.ts';
import { PermanentError } from '../../../machines/step/index.ts';
import { product } from './fixtures.ts';

interface Row {
  readonly price: number;
  readonly quantity: number;
  readonly discount?: number;
}

function validated(...rows: readonly Row[]): ValidatedCart {
  const lines = rows.map(({ price, quantity, discount = 0 }, index) => ({
    product: product({ id: index + 1, price }),
    quantity,
    discount_percentage: discount,
  }));
  return { cart_id: 7, user_id: 70, lines };
}

const totalsOf = (...rows: readonly Row[]) => {
  const { total, discounted_total } = createOrder('t', validated(...rows), 0);
  return [total, discounted_total];
};

test('the seed: the cart of user 102 comes to 175.95, and to 164.20 with its discounts (164.198241 before rounding)', () => {
  const rows = [
    { price: 12.99, quantity: 2, discount: 14.12 },
    { price: 49.99, quantity: 3, discount: 5.39 },
  ];
  const exact = rows.reduce((sum, { price, quantity, discount }) => {
    return sum + price * quantity * (1 - discount / 100);
  }, 0);
  expect(exact).toBeCloseTo(164.198241, 9);
  expect(totalsOf(...rows)).toEqual([175.95, 164.2]);
});

test('an order in full', () => {
  const asked = validated({ price: 12.99, quantity: 2, discount: 14.12 }, { price: 3, quantity: 1 });
  const order = createOrder('task-1', asked, Date.UTC(2026, 0, 2, 3, 4, 5, 678));
  expect(order).toEqual({
    id: 'order-task-1',
    status: 'placed_pending_fulfillment',
    cart_id: 7,
    user_id: 70,
    products: [
      {
        product_id: 1,
        title: 'A product',
        price: 12.99,
        quantity: 2,
        discount_percentage: 14.12,
        total: 25.98,
        discounted_total: 22.31,
      },
      {
        product_id: 2,
        title: 'A product',
        price: 3,
        quantity: 1,
        discount_percentage: 0,
        total: 3,
        discounted_total: 3,
      },
    ],
    total: 28.98,
    discounted_total: 25.31,
    currency: 'USD',
    created_at: '2026-01-02T03:04:05.678Z',
  });
  expect(orderSchema.parse(order)).toEqual(order);
});

test('its id comes from the task’s alone: a task that is repeated makes the same order', () => {
  expect(createOrder('a-1', validated({ price: 1, quantity: 1 }), 0).id).toBe(orderIdOf('a-1'));
  expect(orderIdOf('a-1')).not.toBe(orderIdOf('a-2'));
});

describe('a line is rounded once, half up, to cents', () => {
  test.each<[string, Row, [number, number]]>([
    ['half a cent goes up', { price: 0.01, quantity: 1, discount: 50 }, [0.01, 0.01]],
    ['less than half goes down', { price: 0.01, quantity: 1, discount: 50.01 }, [0.01, 0]],
    ['1.005 is half a cent, though its binary fraction is less', { price: 1.005, quantity: 1 }, [1.01, 1.01]],
    ['2.675 too', { price: 2.675, quantity: 1 }, [2.68, 2.68]],
    ['8.345 too', { price: 8.345, quantity: 1 }, [8.35, 8.35]],
    ['not a hair below it', { price: 1.0049999999, quantity: 1 }, [1, 1]],
    ['nor does a price round before its line does', { price: 0.0005, quantity: 10 }, [0.01, 0.01]],
    ['nor twice', { price: 0.00449999, quantity: 1 }, [0, 0]],
    ['a price of three decimals', { price: 0.333, quantity: 3 }, [1, 1]],
    ['a price in exponents', { price: 1e-7, quantity: 100_000 }, [0.01, 0.01]],
    ['no discount', { price: 19.99, quantity: 7, discount: 0 }, [139.93, 139.93]],
    ['all of it', { price: 19.99, quantity: 7, discount: 100 }, [139.93, 0]],
    ['nearly all of it', { price: 19.99, quantity: 7, discount: 99.999 }, [139.93, 0]],
    ['a discount of many digits', { price: 100, quantity: 1, discount: 33.33333333 }, [100, 66.67]],
    ['nothing to pay', { price: 0, quantity: 9 }, [0, 0]],
    ['large', { price: 999_999_999.99, quantity: 9_000 }, [8_999_999_999_910, 8_999_999_999_910]],
  ])('%s', (_, row, totals) => {
    expect(totalsOf(row)).toEqual(totals);
  });

  test('the totals are the sums of the lines as they were rounded', () => {
    const thirds = { price: 0.333, quantity: 1 };
    expect(totalsOf(thirds, thirds, thirds)).toEqual([0.99, 0.99]);
    const halves = { price: 0.01, quantity: 1, discount: 50 };
    expect(totalsOf(halves, halves, halves)).toEqual([0.03, 0.03]);
  });

  test('no fraction creeps in: ten times ten cents are a dollar', () => {
    expect(totalsOf(...Array<Row>(10).fill({ price: 0.1, quantity: 1 }))).toEqual([1, 1]);
    expect(totalsOf({ price: 0.1, quantity: 1 }, { price: 0.2, quantity: 1 })).toEqual([0.3, 0.3]);
  });
});

test('an amount that a number does not hold to the cent fails the step for good', () => {
  const make = () => totalsOf({ price: 1e9 - 0.01, quantity: Number.MAX_SAFE_INTEGER });
  expect(make).toThrow(PermanentError);
  expect(make).toThrow(expect.objectContaining({ code: 'amount_too_large', retryable: false }));
});

describe('any order', () => {
  /** A decimal of whole digits, and the number that JSON would hold. */
  const decimals = (most: number, digits: number) =>
    fc.integer({ min: 0, max: most * 10 ** digits }).map((units) => ({
      units: BigInt(units),
      value: Number(`${units}e-${digits}`),
    }));
  const rows = fc.array(
    fc.record({
      price: fc.oneof(
        decimals(5_000, 2).map((each) => ({ ...each, units: each.units * 1_000n })),
        decimals(5_000, 5),
      ),
      quantity: fc.integer({ min: 1, max: 1_000 }),
      discount: decimals(100, 2),
    }),
    { minLength: 1, maxLength: 20 },
  );
  const halfUp = (amount: bigint, unit: bigint) => (2n * amount + unit) / (2n * unit);
  const dollars = (cents: bigint) => Number(`${cents}e-2`);

  test('has the amounts that whole numbers give', () => {
    fc.assert(
      fc.property(rows, (given) => {
        const order = createOrder(
          't',
          validated(
            ...given.map(({ price, quantity, discount }) => ({
              price: price.value,
              quantity,
              discount: discount.value,
            })),
          ),
          0,
        );
        const lines = given.map(({ price, quantity, discount }) => {
          const whole = price.units * BigInt(quantity); // of 1e-5
          return {
            total: halfUp(whole, 1_000n),
            discounted: halfUp(whole * (10_000n - discount.units), 10_000_000n),
          };
        });
        expect(order.products.map(({ total, discounted_total }) => [total, discounted_total])).toEqual(
          lines.map(({ total, discounted }) => [dollars(total), dollars(discounted)]),
        );
        expect(order.total).toBe(dollars(lines.reduce((sum, { total }) => sum + total, 0n)));
        expect(order.discounted_total).toBe(dollars(lines.reduce((sum, each) => sum + each.discounted, 0n)));
      }),
      { numRuns: 1_000 },
    );
  });

  test('costs no more with its discounts than without, and survives JSON', () => {
    fc.assert(
      fc.property(rows, (given) => {
        const plain = given.map(({ price, quantity, discount }) => ({
          price: price.value,
          quantity,
          discount: discount.value,
        }));
        const order = createOrder('t', validated(...plain), 0);
        expect(order.discounted_total).toBeLessThanOrEqual(order.total);
        expect(JSON.parse(JSON.stringify(order))).toStrictEqual(order);
      }),
    );
  });
});

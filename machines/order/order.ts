import { add, type Dinero, dinero, halfUp, multiply, toDecimal, transformScale, USD } from 'dinero.js/bigint';
import { z } from 'zod';
import { PermanentError } from '../step/index.ts';
import type { OrderableLine, ValidatedCart } from './validate-products.ts';

/**
 * Money, by one rule: a line is rounded once, half up, to cents; the totals are the sums of the rounded lines. The price
 * is the catalogue's, the discount the cart line's. It is reckoned in whole minor units, and written as decimals.
 */

export const orderLineSchema = z.object({
  product_id: z.int(),
  title: z.string(),
  price: z.number(),
  quantity: z.int(),
  discount_percentage: z.number(),
  total: z.number(),
  discounted_total: z.number(),
});

export const orderSchema = z.object({
  id: z.string(),
  status: z.literal('placed_pending_fulfillment'),
  cart_id: z.int(),
  user_id: z.int(),
  products: z.array(orderLineSchema),
  total: z.number(),
  discounted_total: z.number(),
  currency: z.literal('USD'),
  /** When it was first placed: ISO 8601. */
  created_at: z.iso.datetime(),
});
export type Order = z.output<typeof orderSchema>;

/** The order that a task makes; a task that is repeated makes the same one. */
export function orderIdOf(taskId: string): string {
  return `order-${taskId}`;
}

/**
 * @param createdAt ms since the epoch.
 * @throws {PermanentError} An amount is beyond what a number holds to the cent (`amount_too_large`).
 */
export function createOrder(taskId: string, cart: ValidatedCart, createdAt: number): Order {
  const lines = cart.lines.map((line) => ({ line, total: gross(line), discounted: discounted(line) }));
  return {
    id: orderIdOf(taskId),
    status: 'placed_pending_fulfillment',
    cart_id: cart.cart_id,
    user_id: cart.user_id,
    products: lines.map(({ line, total, discounted }) => ({
      product_id: line.product.id,
      title: line.product.title,
      price: line.product.price,
      quantity: line.quantity,
      discount_percentage: line.discount_percentage,
      total: decimal(total),
      discounted_total: decimal(discounted),
    })),
    total: decimal(sum(lines.map(({ total }) => total))),
    discounted_total: decimal(sum(lines.map((each) => each.discounted))),
    currency: 'USD',
    created_at: new Date(createdAt).toISOString(),
  };
}

type Money = Dinero<bigint>;

const CENTS = 2n;

/** A JSON number as a whole number and where its point is: by its decimal text, as its binary fraction is not what was written. */
function exactly(value: number): { amount: bigint; scale: bigint } {
  const [digits = '', exponent = '0'] = String(value).split('e');
  const [whole = '', fraction = ''] = digits.split('.');
  const scale = fraction.length - Number(exponent);
  const amount = BigInt(whole + fraction) * 10n ** BigInt(Math.max(0, -scale));
  return { amount, scale: BigInt(Math.max(0, scale)) };
}

function gross(line: OrderableLine): Money {
  return toCents(unrounded(line));
}

function discounted(line: OrderableLine): Money {
  const { amount, scale } = exactly(line.discount_percentage);
  const share = { amount: 100n * 10n ** scale - amount, scale: scale + 2n };
  return toCents(multiply(unrounded(line), share));
}

function unrounded({ product, quantity }: OrderableLine): Money {
  return multiply(dinero({ ...exactly(product.price), currency: USD }), BigInt(quantity));
}

function toCents(money: Money): Money {
  return transformScale(money, CENTS, halfUp);
}

function sum(amounts: readonly Money[]): Money {
  return amounts.reduce(add, dinero({ amount: 0n, currency: USD }));
}

/** @throws {PermanentError} Of an amount so large that a number does not hold its cents. */
function decimal(money: Money): number {
  const text = toDecimal(money);
  const value = Number(text);
  if (value.toFixed(2) === text) return value;
  throw new PermanentError(`An amount of ${text} USD is too large: a JSON number does not hold its cents.`, {
    code: 'amount_too_large',
  });
}

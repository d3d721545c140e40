import { add, type Dinero, dinero, halfUp, multiply, toDecimal, transformScale, USD } from 'dinero.js/bigint';
import { z } from 'zod';
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

/** @param createdAt ms since the epoch. */
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

/** The digits kept of a price or percentage behind the point: more than any shop writes. */
const DIGITS = 6;
const CENTS = 2n;

/** A JSON number as a whole number of millionths: by its decimal text, as its binary fraction is not what was written. */
function millionths(value: number): bigint {
  return BigInt(value.toFixed(DIGITS).replace('.', ''));
}

function gross(line: OrderableLine): Money {
  return toCents(exact(line));
}

function discounted(line: OrderableLine): Money {
  const share = millionths(100) - millionths(line.discount_percentage);
  return toCents(multiply(exact(line), { amount: share, scale: BigInt(DIGITS + 2) }));
}

function exact({ product, quantity }: OrderableLine): Money {
  const price = dinero({ amount: millionths(product.price), scale: BigInt(DIGITS), currency: USD });
  return multiply(price, BigInt(quantity));
}

function toCents(money: Money): Money {
  return transformScale(money, CENTS, halfUp);
}

function sum(amounts: readonly Money[]): Money {
  return amounts.reduce(add, dinero({ amount: 0n, currency: USD }));
}

function decimal(money: Money): number {
  return Number(toDecimal(money));
}

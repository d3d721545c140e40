import { isDeepStrictEqual } from 'node:util';
import type { Cart, Product } from '../../machines/order/cart.ts';
import { createOrder, type Order } from '../../machines/order/order.ts';
import { type OrderCreated, orderCreated } from '../../machines/order/order-created.ts';
import { type ValidatedCart, validateProducts } from '../../machines/order/validate-products.ts';
import { cart, catalogue } from '../stubs.ts';

/**
 * The five steps of the order task as plain functions: what every peer runs, each as a step that it keeps and tries again. They
 * are the order task's own, without its engine and without the parsing of what each step gave.
 */
export interface OrderSteps {
  fetchCart(): Promise<Cart>;
  fetchProducts(): Promise<readonly Product[]>;
  validateProducts(cart: Cart, products: readonly Product[]): Promise<ValidatedCart>;
  createOrder(id: string, cart: ValidatedCart): Promise<Order>;
  /** What is to be published; where, is the peer's to say. */
  orderCreated(id: string, order: Order): OrderCreated;
}

/** How many attempts each step has: with backoff from {@link BACKOFF} on. */
export const ATTEMPTS = 3;
/** In ms. */
export const BACKOFF = 1_000;

/**
 * What `fetch_products` gives, of the 100 that there are: ten of them, about 1 KB as the other results are; or all, about 10 KB.
 * The cart's four are among the ten.
 */
export function productsOf(full: boolean): Product[] {
  return full ? catalogue : catalogue.filter(({ id }) => id % 7 === 1).slice(0, 10);
}

export function orderSteps(full: boolean): OrderSteps {
  const products = productsOf(full);
  return {
    fetchCart: async () => cart,
    fetchProducts: async () => products,
    validateProducts: async (...args) => {
      const result = validateProducts(...args);
      if ('issues' in result) throw new Error(`The cart cannot be ordered: ${JSON.stringify(result.issues)}`);
      return result.output;
    },
    createOrder: async (id, validated) => createOrder(id, validated, Date.now()),
    orderCreated: (id, order) => orderCreated(`${id}/publish_event`, order),
  };
}

/** @throws It is not the order that the task of this id makes of the cart. */
export function checkOrder(id: string, order: Order): void {
  const validated = validateProducts(cart, catalogue);
  if ('issues' in validated) throw new Error('The cart of the stubs cannot be ordered.');
  const expected = createOrder(id, validated.output, Date.parse(order.created_at));
  if (isDeepStrictEqual(expected, order)) return;
  throw new Error(`Expected ${JSON.stringify(expected)}, got ${JSON.stringify(order)}`);
}

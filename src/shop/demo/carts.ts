import { type CartLineRow, type CartRow, cartRows, type DemoExpectation } from './cart-data.ts';
import { findProduct } from './catalogue.ts';

/**
 * The demo shop's carts, in the shape of dummyjson.com.
 *
 * - A cart is told as it was filled: its prices may be stale, its quantities absurd, its products gone.
 * - The sums in a cart are the shop's own, of the cart's own prices. An order does not take them over.
 */

interface ShopCartLine {
  readonly id: number;
  readonly title: string;
  readonly price: number;
  readonly quantity: number;
  readonly total: number;
  /** In per cent, at most two decimals. */
  readonly discountPercentage: number;
  readonly discountedTotal: number;
  readonly thumbnail: string;
}

export interface ShopCart {
  readonly id: number;
  readonly products: readonly ShopCartLine[];
  readonly total: number;
  readonly discountedTotal: number;
  readonly userId: number;
  readonly totalProducts: number;
  readonly totalQuantity: number;
}

/** A cart of the demo shop, for those who order it: what it is, and what should become of the order. */
export interface DemoCart {
  readonly id: number;
  readonly title: string;
  readonly expect: DemoExpectation;
}

/** Every cart worth an order, in the order of their ids; the last one is not there. */
export const demoCarts: readonly DemoCart[] = cartRows.map(({ id, title, expect }) => ({
  id,
  title,
  expect,
}));

/** What `GET /carts` lists: the carts that can be read. */
export const listedCarts: readonly ShopCart[] = cartRows
  .filter(({ served = 'whole' }) => served === 'whole')
  .map(cart);

/** What the shop says when it is asked for one cart. */
export type CartReply =
  | { readonly served: 'whole'; readonly cart: ShopCart }
  | { readonly served: 'misshapen'; readonly cart: unknown }
  | { readonly served: 'unavailable' | 'missing' };

const replies = new Map(cartRows.map((row) => [row.id, reply(row)]));

export function findCart(id: number): CartReply {
  return replies.get(id) ?? { served: 'missing' };
}

function reply(row: CartRow): CartReply {
  const { served = 'whole' } = row;
  switch (served) {
    case 'whole':
      return { served, cart: cart(row) };
    case 'misshapen':
      return { served, cart: { ...cart(row), products: 'see the other cart' } };
    case 'unavailable':
    case 'missing':
      return { served };
    default:
      return served satisfies never;
  }
}

function cart(row: CartRow): ShopCart {
  const products = row.lines.map(line);
  return {
    id: row.id,
    products,
    total: sum(products.map(({ total }) => total)),
    discountedTotal: sum(products.map(({ discountedTotal }) => discountedTotal)),
    userId: 100 + row.id,
    totalProducts: products.length,
    totalQuantity: products.reduce((whole, { quantity }) => whole + quantity, 0),
  };
}

function line([id, quantity, discountPercentage, cartPrice]: CartLineRow): ShopCartLine {
  const product = findProduct(id);
  const price = cartPrice ?? product?.price;
  if (price === undefined) throw new Error(`A cart holds product ${id}, which has no price: give it one.`);
  const cents = quantity * Math.round(price * 100);
  const shares = 10_000 - Math.round(discountPercentage * 100);
  return {
    id,
    title: product?.title ?? `Product ${id}`,
    price,
    quantity,
    total: Math.round(cents) / 100,
    discountPercentage,
    // Whole numbers until here, so that half a cent is half a cent and goes up.
    discountedTotal: Math.round((cents * shares) / 10_000) / 100,
    thumbnail: product?.thumbnail ?? `https://shop.example/images/gone/${id}/thumbnail.webp`,
  };
}

/** In whole cents, so that no hundredth of a cent creeps in. */
function sum(amounts: readonly number[]): number {
  return amounts.reduce((cents, amount) => cents + Math.round(amount * 100), 0) / 100;
}

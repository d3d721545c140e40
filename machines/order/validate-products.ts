import { z } from 'zod';
import type { CheckIssue } from '../step/index.ts';
import { type Cart, type CartLine, type Product, productSchema } from './cart.ts';

/** Code → reason, in the order in which they are looked for: a line has one issue at most, the first that applies. */
export const PRODUCT_ISSUES = {
  cart_is_empty: 'The cart is empty.',
  quantity_is_invalid: 'A quantity is not a positive whole number.',
  product_is_unknown: 'A product is not in the catalogue.',
  product_is_unavailable: 'A product is out of stock.',
  stock_is_short: 'More is asked for than there is in stock.',
} as const;

type ProductIssue = CheckIssue<keyof typeof PRODUCT_ISSUES>;

/** A line of the cart with its product, ready to be ordered. */
export const orderableLineSchema = z.object({
  product: productSchema,
  quantity: z.int().min(1),
  discount_percentage: z.number().min(0).max(100),
});

export const validatedCartSchema = z.object({
  cart_id: z.int(),
  user_id: z.int(),
  lines: z.array(orderableLineSchema).min(1),
});
export type OrderableLine = z.output<typeof orderableLineSchema>;
export type ValidatedCart = z.output<typeof validatedCartSchema>;

/**
 * Matches the cart's lines with the catalogue.
 *
 * Lines of one product draw on its stock together: the first at which it runs short is named, with what all of them ask for.
 *
 * @returns The lines with their products, or an issue for every line that cannot be ordered.
 */
export function validateProducts(
  cart: Cart,
  catalogue: readonly Product[],
): { output: ValidatedCart } | { issues: ProductIssue[] } {
  if (cart.products.length === 0) {
    return { issues: [{ code: 'cart_is_empty', message: `cart ${cart.id} is empty` }] };
  }
  const products = new Map(catalogue.map((product) => [product.id, product]));
  const askedInAll = new Map<number, number>();
  for (const line of cart.products.filter(hasValidQuantity)) {
    askedInAll.set(line.id, (askedInAll.get(line.id) ?? 0) + line.quantity);
  }
  const left = new Map(catalogue.map(({ id, stock }) => [id, stock]));
  const short = new Set<number>();
  const issues: ProductIssue[] = [];
  const lines: OrderableLine[] = [];
  cart.products.forEach((line, index) => {
    const product = products.get(line.id);
    const before = left.get(line.id) ?? 0;
    const issue = issueOf(line, product, before, askedInAll.get(line.id) ?? 0);
    if (issue && !(issue.code === 'stock_is_short' && short.has(line.id))) {
      issues.push({ ...issue, line: index + 1 });
    }
    if (issue?.code === 'stock_is_short') short.add(line.id);
    if (hasValidQuantity(line)) left.set(line.id, before - line.quantity);
    if (product) {
      lines.push({ product, quantity: line.quantity, discount_percentage: line.discountPercentage });
    }
  });
  if (issues.length > 0) return { issues };
  return { output: { cart_id: cart.id, user_id: cart.userId, lines } };
}

function hasValidQuantity({ quantity }: CartLine): boolean {
  return Number.isSafeInteger(quantity) && quantity >= 1;
}

/**
 * @param left What the lines before have left of the stock; below zero where it is short already.
 * @param asked How many of the product all lines ask for together.
 */
function issueOf(
  line: CartLine,
  product: Product | undefined,
  left: number,
  asked: number,
): ProductIssue | undefined {
  if (!hasValidQuantity(line)) {
    const message = `quantity ${line.quantity} of product ${line.id} is not a positive whole number`;
    return { code: 'quantity_is_invalid', message };
  }
  if (!product) return { code: 'product_is_unknown', message: `product ${line.id} is not in the catalogue` };
  if (product.availabilityStatus === 'Out of Stock') {
    return { code: 'product_is_unavailable', message: `product ${line.id} is out of stock` };
  }
  if (line.quantity > left) {
    const message = `product ${line.id}: ${product.stock} of ${asked} in stock`;
    return { code: 'stock_is_short', message };
  }
  return undefined;
}

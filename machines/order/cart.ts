import { z } from 'zod';

/**
 * What the shop says, in its own field names. Numbers may come as text, as many APIs send them; what is optional gets a default;
 * fields unknown to us pass through.
 */

/** A number, or a text that is one. Not what JavaScript would also turn into a number: "", null, true. */
const numeric = z.union([
  z.number(),
  z
    .string()
    .trim()
    .regex(/^[+-]?\d+(\.\d+)?$/, 'expected a number')
    .transform(Number),
]);

const wholeNumber = numeric.pipe(z.int());
const amount = numeric.pipe(z.number().min(0).max(1e9));
const percentage = numeric.pipe(z.number().min(0).max(100));

export const cartLineSchema = z.looseObject({
  /** The product's. */
  id: wholeNumber,
  title: z.string().default(''),
  /** As it was when the product was put into the cart; an order is placed at the catalogue's. */
  price: amount.optional(),
  /** What was asked for: whether it can be sold is for the check to say. */
  quantity: numeric,
  discountPercentage: percentage.default(0),
});

export const cartSchema = z.looseObject({
  id: wholeNumber,
  products: z.array(cartLineSchema),
  userId: wholeNumber,
});

export const productSchema = z.looseObject({
  id: wholeNumber,
  title: z.string().default(''),
  price: amount,
  stock: wholeNumber.default(0),
  /** `In Stock`, `Low Stock` or `Out of Stock`; other words count as available. */
  availabilityStatus: z.string().default('In Stock'),
});

export const catalogueSchema = z.array(productSchema);

export type Cart = z.output<typeof cartSchema>;
export type CartLine = z.output<typeof cartLineSchema>;
export type Product = z.output<typeof productSchema>;

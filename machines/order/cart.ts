import { z } from 'zod';

/**
 * What the shop says, in its own field names. Numbers may come as text, as many APIs send them; what is optional gets a default;
 * fields unknown to us pass through.
 */

const NUMBER = /^\s*[+-]?\d+(\.\d+)?\s*$/;

/** A text that is a number, as a number. Not what JavaScript would also turn into one: "", null, true. */
function fromText(value: unknown): unknown {
  return typeof value === 'string' && NUMBER.test(value) ? Number(value) : value;
}

const numeric = z.preprocess(fromText, z.number());
const wholeNumber = z.preprocess(fromText, z.int());
const amount = z.preprocess(fromText, z.number().min(0).max(1e9));
const percentage = z.preprocess(fromText, z.number().min(0).max(100));

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

/** A page of the catalogue. `total` is what the shop says that there is in all. */
export const cataloguePageSchema = z.looseObject({
  products: catalogueSchema,
  total: z.preprocess(fromText, z.int().min(0)),
});

export type Cart = z.output<typeof cartSchema>;
export type CartLine = z.output<typeof cartLineSchema>;
export type Product = z.output<typeof productSchema>;
export type CataloguePage = z.output<typeof cataloguePageSchema>;

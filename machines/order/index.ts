import { z } from 'zod';
import { defineTask } from '../task/index.ts';
import { cartSchema, catalogueSchema } from './cart.ts';
import { orderSchema } from './order.ts';
import { publicationSchema } from './order-created.ts';
import { PRODUCT_ISSUES, validatedCartSchema, validateProducts } from './validate-products.ts';

export {
  type Cart,
  type CartLine,
  type CataloguePage,
  cartSchema,
  cataloguePageSchema,
  type Product,
  productSchema,
} from './cart.ts';
export { createOrder, type Order, orderIdOf, orderSchema } from './order.ts';
export {
  type OrderCreated,
  orderCreated,
  orderCreatedSchema,
  orderCreatedSubject,
  type Publication,
} from './order-created.ts';
export { PRODUCT_ISSUES, type ValidatedCart, validateProducts } from './validate-products.ts';

/**
 * Processes an e-commerce order: the worked example. Its effects are named here and filled in by `provide`, as
 * `src/shop` does against a shop's API.
 */
export const orderTask = defineTask({
  name: 'order',
  version: '1',
  description: 'Makes an order of a cart: fetch, validate, create, publish.',
  context: z.strictObject({ cart_id: z.int().min(1) }),
})
  .step('fetch_cart', {
    description: 'Fetches the cart from the shop.',
    stage: 'fetching',
    output: cartSchema,
  })
  .step('fetch_products', {
    description: 'Fetches the whole catalogue from the shop, page by page.',
    stage: 'fetching',
    output: catalogueSchema,
  })
  .step('validate_products', {
    description: 'Matches the lines of the cart with the catalogue.',
    stage: 'validating',
    after: ['fetch_cart', 'fetch_products'],
    output: validatedCartSchema,
    issues: PRODUCT_ISSUES,
    check: ({ results }) => validateProducts(results.fetch_cart, results.fetch_products),
  })
  .step('create_order', {
    description: 'Reckons the totals and keeps the order, once.',
    stage: 'creating',
    after: ['validate_products'],
    output: orderSchema,
  })
  .step('publish_event', {
    description: 'Publishes order.created and waits until it is acknowledged.',
    stage: 'publishing',
    after: ['create_order'],
    output: publicationSchema,
    // An event bus that is away comes back; the order waits for it, visibly. A refusal is permanent.
    retry: { attempts: 'unlimited' },
  })
  .build({
    output: ({ create_order, publish_event }) => ({ order: create_order, publication: publish_event }),
  });

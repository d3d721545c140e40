/**
 * The order's chart alone, in a plain Node program: no service, no backend, effects of one's own.
 *
 *     npx node examples/embed.ts
 */
import { createActor, toPromise } from 'xstate';
import { createOrder, orderTask } from '../machines/order/index.ts';

const order = orderTask.provide({
  fetch_cart: ({ context }) => ({ id: context.cart_id, userId: 7, products: [{ id: 1, quantity: 2 }] }),
  fetch_products: () => [{ id: 1, title: 'Teapot', price: 19.5, stock: 3 }],
  create_order: ({ id, results }) => createOrder(id, results.validate_products, Date.now()),
  publish_event: ({ key, results }) => {
    console.log(`published: ${results.create_order.id}`);
    return {
      event_id: key,
      subject: 'orders.created',
      stream: 'console',
      sequence: 1,
      duplicate: false,
      acknowledged_at: new Date().toISOString(),
    };
  },
});

const actor = createActor(order.machine, { input: { id: 'tea', context: { cart_id: 1 } } });
actor.subscribe(({ value }) => console.log(JSON.stringify(value)));
actor.start();

const result = await toPromise(actor);
console.log(result.status === 'complete' ? `total: ${result.output.order.total}` : result.error.message);

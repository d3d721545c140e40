import { createOrder, orderCreated, orderCreatedSubject, orderTask } from '../machines/order/index.ts';
import type { OutgoingMessage, PublishAck, Records } from '../src/backends/index.ts';
import { cart, catalogue } from './stubs.ts';

/**
 * The one workload of every system: an order task of five steps whose effects are stubs in the process: a cart of 4
 * lines, a catalogue of 100 products, results of about 1 KB, the event published and acknowledged.
 */
export const CONTEXT = { cart_id: 1 };

/** The order task with stubs for effects; where its event is published and its order kept is the system's to say. */
export function stubbedOrderTask(
  publish: (message: OutgoingMessage) => Promise<PublishAck>,
  records?: Pick<Records, 'create'>,
) {
  return orderTask.provide({
    fetch_cart: async () => cart,
    fetch_products: async () => catalogue,
    create_order: async ({ id, results }) => {
      const order = createOrder(id, results.validate_products, Date.now());
      await records?.create(`orders.${order.id}`, order);
      return order;
    },
    publish_event: async ({ key, results }) => {
      const event = orderCreated(key, results.create_order);
      const subject = orderCreatedSubject(results.create_order);
      const ack = await publish({ subject, id: event.id, body: event, once: true });
      return { event_id: event.id, subject, ...ack, acknowledged_at: new Date().toISOString() };
    },
  });
}

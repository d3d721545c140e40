import { type Clock, now, systemClock } from '../../machines/clock.ts';
import {
  createOrder,
  orderCreated,
  orderCreatedSubject,
  orderSchema,
  orderTask,
} from '../../machines/order/index.ts';
import type { OutgoingMessage, PublishAck, Records } from '../backends/index.ts';
import type { ShopClient } from './client.ts';

/** What the order's effects work with. */
export interface OrderSurroundings {
  readonly shop: ShopClient;
  /** Where orders are kept. */
  readonly records: Pick<Records, 'create'>;
  /** Publishes once and resolves with the acknowledgement; the chart retries. */
  readonly publish: (message: OutgoingMessage) => Promise<PublishAck>;
  /** @default the system's */
  readonly clock?: Clock;
}

/**
 * The order task with its effects filled in.
 *
 * Each may be repeated: reading changes nothing, an order is kept once under an id made of the task's, and its event
 * is the only one that its subject ever carries. What the backend refuses fails the step for good: its errors say so themselves.
 */
export function shopOrderTask({ shop, records, publish, clock = systemClock }: OrderSurroundings) {
  return orderTask.provide({
    fetch_cart: ({ context, key, signal }) => shop.cart(context.cart_id, { key, signal }),

    fetch_products: ({ key, signal }) => shop.products({ key, signal }),

    create_order: async ({ id, results }) => {
      const order = createOrder(id, results.validate_products, now(clock));
      // What was kept by an attempt before this one is the order.
      const { value } = await records.create(`orders.${order.id}`, order);
      return orderSchema.parse(value);
    },

    publish_event: async ({ key, results }) => {
      const event = orderCreated(key, results.create_order);
      const subject = orderCreatedSubject(results.create_order);
      const message = { subject, id: event.id, body: event, once: true };
      const { stream, sequence, duplicate } = await publish(message);
      const acknowledged_at = new Date(now(clock)).toISOString();
      return { event_id: event.id, subject, stream, sequence, duplicate, acknowledged_at };
    },
  });
}

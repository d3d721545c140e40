import { z } from 'zod';
import { type Order, orderSchema } from './order.ts';

/** `order.created`, a CloudEvent 1.0 in JSON (github.com/cloudevents/spec, v1.0.2). */
export const orderCreatedSchema = z.object({
  specversion: z.literal('1.0'),
  /** The key of the effect that publishes it: a repeat is the same event. */
  id: z.string(),
  source: z.string(),
  type: z.literal('order.created'),
  /** The order's id. */
  subject: z.string(),
  time: z.iso.datetime(),
  datacontenttype: z.literal('application/json'),
  data: orderSchema,
});
export type OrderCreated = z.output<typeof orderCreatedSchema>;

/** Where the event of an order is published; the subject carries that one event for ever. */
export function orderCreatedSubject(order: Order): string {
  return `orders.created.${order.id}`;
}

/** @param key The effect's key, `<task id>/publish_event`. */
export function orderCreated(key: string, order: Order): OrderCreated {
  return {
    specversion: '1.0',
    id: key,
    source: '/taskchart/order',
    type: 'order.created',
    subject: order.id,
    time: order.created_at,
    datacontenttype: 'application/json',
    data: order,
  };
}

/** Where and when the event was acknowledged. */
export const publicationSchema = z.object({
  event_id: z.string(),
  subject: z.string(),
  stream: z.string(),
  sequence: z.int(),
  /** It had been published before: by an attempt whose answer was lost. */
  duplicate: z.boolean(),
  acknowledged_at: z.iso.datetime(),
});
export type Publication = z.output<typeof publicationSchema>;

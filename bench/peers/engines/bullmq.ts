/**
 * BullMQ: the order is a flow, a job a step; a parent waits for its children. As its page "Going to production" asks: Redis with an
 * append-only file and without eviction, completed jobs removed by age, retries with exponential backoff.
 */
import { FlowProducer, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { Cart, Product } from '../../../machines/order/cart.ts';
import type { Order } from '../../../machines/order/order.ts';
import type { ValidatedCart } from '../../../machines/order/validate-products.ts';
import type { EngineModule } from '../engine.ts';
import { ATTEMPTS, BACKOFF, orderSteps } from '../order-steps.ts';

const QUEUE = 'orders';
const STREAM = 'orders.created';
/** On two cores, an order costs the same with 16 and with 1,024. */
const CONCURRENCY = 64;

export const open: EngineModule['open'] = async ({ url, full }) => {
  const steps = orderSteps(full);
  const connection = () => new Redis(url, { maxRetriesPerRequest: null });
  const clients = { queue: connection(), worker: connection(), events: connection() };
  const flows = new FlowProducer({ connection: clients.queue });
  const queue = new Queue<{ id: string }>(QUEUE, { connection: clients.queue });
  const waiting = new Map<string, PromiseWithResolvers<Order>>();

  /** A child's result is known by its job's id. */
  const childrenOf = async (job: { getChildrenValues(): Promise<Record<string, unknown>> }) => {
    const values = Object.entries(await job.getChildrenValues());
    return <T>(step: string): T => {
      const found = values.find(([key]) => key.endsWith(`.${step}`));
      if (!found) throw new Error(`There is no result of ${step}`);
      return found[1] as T;
    };
  };
  const worker = new Worker<{ id: string }>(
    QUEUE,
    async (job) => {
      const { id } = job.data;
      switch (job.name) {
        case 'fetch_cart':
          return steps.fetchCart();
        case 'fetch_products':
          return steps.fetchProducts();
        case 'validate_products': {
          const result = await childrenOf(job);
          return steps.validateProducts(
            result<Cart>('fetch_cart'),
            result<readonly Product[]>('fetch_products'),
          );
        }
        case 'create_order':
          return steps.createOrder(id, (await childrenOf(job))<ValidatedCart>('validate_products'));
        case 'publish_event': {
          const order = (await childrenOf(job))<Order>('create_order');
          await clients.events.xadd(STREAM, '*', 'event', JSON.stringify(steps.orderCreated(id, order)));
          return order;
        }
        default:
          throw new Error(`Unknown step ${job.name}`);
      }
    },
    { connection: clients.worker, concurrency: CONCURRENCY },
  );
  worker.on('completed', (job, order: Order) => {
    if (job.name === 'publish_event') waiting.get(job.data.id)?.resolve(order);
  });
  worker.on('failed', (job, error) => {
    if (job) waiting.get(job.data.id)?.reject(error);
  });
  worker.on('error', (error) => console.error('bullmq:', error));
  await worker.waitUntilReady();

  const jobOf = (id: string, name: string) => ({
    name,
    queueName: QUEUE,
    data: { id },
    opts: {
      jobId: `${id}.${name}`,
      attempts: ATTEMPTS,
      backoff: { type: 'exponential', delay: BACKOFF },
      removeOnComplete: { age: 3_600 },
    },
  });
  return {
    async run(id) {
      const done = Promise.withResolvers<Order>();
      waiting.set(id, done);
      const fetching = [jobOf(id, 'fetch_cart'), jobOf(id, 'fetch_products')];
      const validating = { ...jobOf(id, 'validate_products'), children: fetching };
      const creating = { ...jobOf(id, 'create_order'), children: [validating] };
      await flows.add({ ...jobOf(id, 'publish_event'), children: [creating] });
      try {
        return await done.promise;
      } finally {
        waiting.delete(id);
      }
    },
    kept: async () => [
      { what: 'completed jobs', count: await queue.getCompletedCount(), perOrder: 5 },
      { what: 'events', count: await clients.events.xlen(STREAM), perOrder: 1 },
    ],
    async reread(id) {
      const job = await queue.getJob(`${id}.publish_event`);
      return job?.returnvalue as Order;
    },
    async [Symbol.asyncDispose]() {
      await worker.close();
      await queue.close();
      await flows.close();
      for (const client of Object.values(clients)) client.disconnect();
    },
  };
};

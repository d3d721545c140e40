/**
 * graphile-worker: the order is a chain of jobs, each of which adds the next with all that is known so far. With the settings of its
 * page "Performance": 24 jobs at a time, a local queue, completions in batches.
 */
import { Logger, makeWorkerUtils, run, type TaskList } from 'graphile-worker';
import { Pool } from 'pg';
import type { Cart, Product } from '../../../machines/order/cart.ts';
import type { Order } from '../../../machines/order/order.ts';
import type { ValidatedCart } from '../../../machines/order/validate-products.ts';
import type { EngineModule } from '../engine.ts';
import { ATTEMPTS, orderSteps } from '../order-steps.ts';
import { eventTable } from './event-table.ts';

const CONCURRENCY = 24;

interface Known {
  readonly id: string;
  readonly cart: Cart;
  readonly products: readonly Product[];
  readonly validated: ValidatedCart;
  readonly order: Order;
}

export const open: EngineModule['open'] = async ({ url, full }) => {
  const steps = orderSteps(full);
  const pgPool = new Pool({ connectionString: url, max: CONCURRENCY + 10 });
  const tell = (error: unknown) => console.error('graphile-worker:', error);
  pgPool.on('error', tell);
  pgPool.on('connect', (client) => client.on('error', tell));
  const events = await eventTable(pgPool);
  const logger = new Logger(() => () => {});
  const utils = await makeWorkerUtils({ pgPool, logger });
  await utils.migrate();
  const waiting = new Map<string, PromiseWithResolvers<Order>>();

  /** The job's key makes a repeat of the step before add no second one. */
  const spec = ({ id }: { id: string }, step: string) => ({
    jobKey: `${id}/${step}`,
    maxAttempts: ATTEMPTS,
  });
  // What a job is given was added by the one before it.
  const known = (payload: unknown) => payload as Known;
  const taskList: TaskList = {
    async fetch_cart(payload, { addJob }) {
      const next = { ...known(payload), cart: await steps.fetchCart() };
      await addJob('fetch_products', next, spec(next, 'fetch_products'));
    },
    async fetch_products(payload, { addJob }) {
      const next = { ...known(payload), products: await steps.fetchProducts() };
      await addJob('validate_products', next, spec(next, 'validate_products'));
    },
    async validate_products(payload, { addJob }) {
      const { id, cart, products } = known(payload);
      const next = { id, validated: await steps.validateProducts(cart, products) };
      await addJob('create_order', next, spec(next, 'create_order'));
    },
    async create_order(payload, { addJob }) {
      const { id, validated } = known(payload);
      const next = { id, order: await steps.createOrder(id, validated) };
      await addJob('publish_event', next, spec(next, 'publish_event'));
    },
    async publish_event(payload) {
      const { id, order } = known(payload);
      await events.publish(steps.orderCreated(id, order));
      waiting.get(id)?.resolve(order);
    },
  };
  const runner = await run({
    pgPool,
    taskList,
    logger,
    noHandleSignals: true,
    preset: {
      worker: {
        concurrentJobs: CONCURRENCY,
        localQueue: { size: 500 },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
      },
    },
  });
  runner.events.on('job:failed', ({ job, error }) => {
    waiting.get(known(job.payload).id)?.reject(error);
  });
  return {
    async run(id) {
      const done = Promise.withResolvers<Order>();
      waiting.set(id, done);
      await utils.addJob('fetch_cart', { id }, spec({ id }, 'fetch_cart'));
      try {
        return await done.promise;
      } finally {
        waiting.delete(id);
      }
    },
    async kept() {
      const left = await pgPool.query<{ count: string }>('SELECT count(*) FROM graphile_worker.jobs');
      return [
        { what: 'jobs left', count: Number(left.rows[0]?.count), perOrder: 0 },
        { what: 'events', count: await events.count(), perOrder: 1 },
      ];
    },
    async reread(id) {
      const event = await events.read(`${id}/publish_event`);
      if (!event) throw new Error(`There is no event of ${id}`);
      return event.data;
    },
    async [Symbol.asyncDispose]() {
      await runner.stop();
      await utils.release();
      await pgPool.end();
    },
  };
};

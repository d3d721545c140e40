/**
 * DBOS: the order is a workflow, each effect a step of it with retries. Everything lies in PostgreSQL, the event in a table of the
 * same server.
 */
import { DBOS } from '@dbos-inc/dbos-sdk';
import { Pool } from 'pg';
import type { Order } from '../../../machines/order/order.ts';
import type { EngineModule } from '../engine.ts';
import { ATTEMPTS, BACKOFF, orderSteps } from '../order-steps.ts';
import { eventTable } from './event-table.ts';

/** On two cores, 10 (its default) and 40 come to the same. */
const CONNECTIONS = 20;

export const open: EngineModule['open'] = async ({ url, full }) => {
  const steps = orderSteps(full);
  const pool = new Pool({ connectionString: url, max: 10 });
  const events = await eventTable(pool);
  const step = <T>(name: string, run: () => Promise<T>): Promise<T> =>
    DBOS.runStep(run, {
      name,
      retriesAllowed: true,
      maxAttempts: ATTEMPTS,
      intervalSeconds: BACKOFF / 1_000,
    });
  const order = DBOS.registerWorkflow(
    async (id: string): Promise<Order> => {
      const [cart, products] = await Promise.all([
        step('fetch_cart', steps.fetchCart),
        step('fetch_products', steps.fetchProducts),
      ]);
      const validated = await step('validate_products', () => steps.validateProducts(cart, products));
      const created = await step('create_order', () => steps.createOrder(id, validated));
      await step('publish_event', () => events.publish(steps.orderCreated(id, created)));
      return created;
    },
    { name: 'order' },
  );
  DBOS.setConfig({
    name: 'bench',
    systemDatabaseUrl: url,
    systemDatabasePoolSize: CONNECTIONS,
    logLevel: 'error',
  });
  await DBOS.launch();
  const count = async (sql: string) =>
    Number((await pool.query<{ count: string }>(`SELECT count(*) FROM ${sql}`)).rows[0]?.count);
  return {
    async run(id) {
      const handle = await DBOS.startWorkflow(order, { workflowID: id })(id);
      return handle.getResult();
    },
    kept: async () => [
      {
        what: 'workflows that succeeded',
        count: await count("dbos.workflow_status WHERE status = 'SUCCESS'"),
        perOrder: 1,
      },
      { what: 'steps kept', count: await count('dbos.operation_outputs'), perOrder: 5 },
      { what: 'events', count: await events.count(), perOrder: 1 },
    ],
    reread: (id) => DBOS.retrieveWorkflow<Order>(id).getResult(),
    async [Symbol.asyncDispose]() {
      await DBOS.shutdown();
      await pool.end();
    },
  };
};

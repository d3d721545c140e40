/**
 * Restate: the order is a service's handler, called with its id as the idempotency key; each effect is a `ctx.run` with retries, and
 * the event goes as a durable message to a service that counts.
 */
import { once } from 'node:events';
import { createServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import * as restate from '@restatedev/restate-sdk';
import * as clients from '@restatedev/restate-sdk-clients';
import type { Order } from '../../../machines/order/order.ts';
import type { OrderCreated } from '../../../machines/order/order-created.ts';
import type { EngineModule } from '../engine.ts';
import { ATTEMPTS, BACKOFF, orderSteps } from '../order-steps.ts';

export const open: EngineModule['open'] = async ({ url, full }) => {
  const [ingress = '', admin = ''] = url.split(' ');
  const steps = orderSteps(full);
  const received = new Set<string>();
  const retry = { maxRetryAttempts: ATTEMPTS, initialRetryInterval: BACKOFF };

  const events = restate.service({
    name: 'events',
    handlers: {
      created: async (_: restate.Context, event: OrderCreated): Promise<void> => {
        received.add(event.id);
      },
    },
  });
  const orders = restate.service({
    name: 'orders',
    handlers: {
      process: async (ctx: restate.Context, id: string): Promise<Order> => {
        const [cart, products] = await restate.RestatePromise.all([
          ctx.run('fetch_cart', steps.fetchCart, retry),
          ctx.run('fetch_products', steps.fetchProducts, retry),
        ]);
        const validate = () => steps.validateProducts(cart, products);
        const validated = await ctx.run('validate_products', validate, retry);
        const order = await ctx.run('create_order', () => steps.createOrder(id, validated), retry);
        const event = steps.orderCreated(id, order);
        ctx
          .serviceSendClient<typeof events>({ name: 'events' })
          .created(event, restate.rpc.sendOpts({ idempotencyKey: event.id }));
        return order;
      },
    },
  });

  const server = createServer(restate.createEndpointHandler({ services: [orders, events] }));
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => sessions.add(session));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const ask = async <Answer>(path: string, body: object): Promise<Answer> => {
    const headers = { 'content-type': 'application/json', accept: 'application/json' };
    const answer = await fetch(`${admin}/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`Restate refused ${path}: ${await answer.text()}`);
    return (await answer.json()) as Answer;
  };
  await ask('deployments', { uri: `http://127.0.0.1:${port}` });

  const client = clients.connect({ url: ingress }).serviceClient<typeof orders>({ name: 'orders' });
  // Called again under the same key, it gives what it gave.
  const process = async (id: string) => client.process(id, clients.rpc.opts({ idempotencyKey: id }));
  const count = async (what: string): Promise<number> => {
    const query = `SELECT count(*) AS count FROM ${what}`;
    const { rows } = await ask<{ rows: { count: number }[] }>('query', { query });
    return rows[0]?.count ?? Number.NaN;
  };
  return {
    run: process,
    kept: async () => [
      {
        what: 'invocations that succeeded',
        count: await count(
          "sys_invocation WHERE target_service_name = 'orders' AND completion_result = 'success'",
        ),
        perOrder: 1,
      },
      { what: 'events', count: received.size, perOrder: 1 },
    ],
    reread: process,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, 'close');
    },
  };
};

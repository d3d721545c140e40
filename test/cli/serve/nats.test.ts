import { once } from 'node:events';
import { connect, headers, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChangeEvent } from '../../../src/service/index.ts';
import { type DemoShop, startDemoShop } from '../../../src/shop/demo/index.ts';
import { type NatsServer, startNatsServer } from '../../backends/nats/nats-server.ts';
import { Arrivals } from '../../conformance/stand.ts';
import { ask, post } from '../../http/stand.ts';
import { openAsked, ownTasks } from './asked.ts';
import { start } from './program.ts';

const told = new Arrivals<ChangeEvent>();
let server: NatsServer;
let shop: DemoShop;
let client: NatsConnection;
let env: Record<string, string>;

beforeAll(async () => {
  server = await startNatsServer();
  shop = await startDemoShop({ faults: 'none' });
  client = await connect({ servers: server.url });
  client.subscribe('taskchart.events.>', { callback: (_, message) => told.push(message.json()) });
  env = { NATS_URL: server.url, SHOP_URL: shop.url, TASKCHART_TASKS: ownTasks };
});

afterAll(async () => {
  await client.close();
  await shop.close();
  await server[Symbol.asyncDispose]();
});

/** Resolves once a task is told to be complete, since these tests began. */
async function completed(id: string): Promise<void> {
  const isIt = ({ subject, data }: ChangeEvent) => subject === id && data.status === 'complete';
  if (told.all.some(isIt)) return;
  while (!isIt(await told.next()));
}

const request = async (subject: string, body: unknown) =>
  (await client.request(subject, JSON.stringify(body), { timeout: 10_000 })).json<Record<string, unknown>>();

describe('npm start with NATS_URL', { timeout: 60_000 }, () => {
  test('is a worker with doors for HTTP and NATS, any number of them', async () => {
    await using one = start(env);
    await using two = start(env);
    const [urlOne, urlTwo] = await Promise.all([one.url(), two.url()]);
    for (const url of [urlOne, urlTwo]) {
      expect(await ask(`${url}/health/ready`)).toMatchObject({
        status: 200,
        body: { parts: { backend: 'answering' } },
      });
    }
    const order = { id: 'order-1', name: 'order', context: { cart_id: 2 }, initiator: 'test' };
    expect(await request('taskchart.submit', order)).toEqual({
      id: 'order-1',
      status: 'pending',
      duplicate: false,
    });
    expect(await post(`${urlTwo}/tasks`, order)).toMatchObject({ status: 200, body: { duplicate: true } });
    // By the inbox alone, as any client may that knows no more than the subject.
    client.publish(
      'taskchart.inbox.order.order-2',
      JSON.stringify({ name: 'order', context: { cart_id: 3 } }),
    );
    for (const id of ['order-1', 'order-2']) {
      await completed(id);
      expect(await request(`taskchart.status.${id}`, null)).toMatchObject({ id, status: 'complete' });
      expect(await ask(`${urlOne}/tasks/${id}`)).toMatchObject({ body: { status: 'complete' } });
    }
    const stream = await (await client.jetstreamManager()).streams.info('ORDERS', { subjects_filter: '>' });
    expect(stream.state.subjects).toEqual({
      'orders.created.order-order-1': 1,
      'orders.created.order-order-2': 1,
    });
    for (const worker of [one, two]) worker.child.kill('SIGTERM');
    expect(await one.closed).toMatchObject({ code: 0, stderr: '' });
    expect(await two.closed).toMatchObject({ code: 0, stderr: '' });
  });

  test('a task of one that is killed goes on with another', async () => {
    const asked = await openAsked();
    await using one = start(env);
    await one.url();
    await request('taskchart.submit', { id: 'moved', name: 'ask', context: { url: asked.url } });
    await asked.calls.next();
    await using two = start(env);
    const url = await two.url();
    one.child.kill('SIGKILL');
    await one.closed;
    const { key, answer } = await asked.calls.next();
    expect(key).toBe('moved/ask');
    answer.end('well');
    await completed('moved');
    expect(await ask(`${url}/tasks/moved`)).toMatchObject({
      body: { status: 'complete', output: { ask: 'well' }, steps: { first: { attempts: 1 } } },
    });
  });

  test('one that is asked for over one door is cancelled over another', async () => {
    const asked = await openAsked();
    await using one = start(env);
    await using two = start(env);
    const urls = await Promise.all([one.url(), two.url()]);
    await post(`${urls[0]}/tasks`, { id: 'cancelled', name: 'ask', context: { url: asked.url } });
    const { answer } = await asked.calls.next();
    const left = once(answer, 'close');
    const named = headers();
    named.set('Nats-Msg-Id', 'cancel-1');
    await client.request('taskchart.send.cancelled', '{"type":"task.cancel"}', {
      headers: named,
      timeout: 10_000,
    });
    await left;
    for (const url of urls) {
      expect(await ask(`${url}/tasks/cancelled`)).toMatchObject({ body: { status: 'cancelled' } });
    }
  });

  test('refuses to start without a server, or where it is not let in: 5, and whom it asked', async () => {
    await using guarded = await startNatsServer({ configuration: 'authorization { token: "t0p-secret" }' });
    const [refused, let_in] = [
      start({ ...env, NATS_URL: guarded.url }),
      start({ ...env, NATS_URL: guarded.url, NATS_TOKEN: 't0p-secret' }),
    ];
    expect(await refused.closed).toMatchObject({
      code: 5,
      stdout: '',
      stderr: expect.stringMatching(
        /^natsBackend: nats:\/\/127\.0\.0\.1:\d+ refused the connection: .*\(NATS_URL\)\n$/,
      ),
    });
    await let_in.url();
    await let_in[Symbol.asyncDispose]();
  });
});

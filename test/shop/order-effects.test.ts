import { describe, expect, onTestFinished, test } from 'vitest';
import { type OrderCreated, orderCreatedSchema, orderSchema } from '../../machines/order/index.ts';
import type { TaskReport } from '../../machines/task/index.ts';
import {
  type OutgoingMessage,
  type PublishAck,
  RefusedError,
  UnavailableError,
} from '../../src/backends/index.ts';
import { memoryBackend } from '../../src/backends/memory/index.ts';
import { type OrderSurroundings, shopOrderTask } from '../../src/shop/index.ts';
import { outcomeOf, seedCart, seedCatalogue } from '../machines/order/fixtures.ts';
import { VirtualClock } from '../virtual-time.ts';

const START = Date.UTC(2026, 0, 2, 3, 4, 5);
const ACK: PublishAck = { stream: 'ORDERS', sequence: 9, duplicate: false };

const fetched = { fetch_cart: seedCart, fetch_products: seedCatalogue };
const noShop: OrderSurroundings['shop'] = {
  cart: () => Promise.reject(new Error('There is no shop here.')),
  products: () => Promise.reject(new Error('There is no shop here.')),
};

/** An order whose fetches are done, with these surroundings, and on a backend in memory what they leave out. */
async function orderWith(given: Partial<OrderSurroundings> = {}, random = 0) {
  const clock = new VirtualClock(START);
  const backend = memoryBackend({ clock });
  onTestFinished(() => backend.close());
  const published: OutgoingMessage[] = [];
  const publish = (message: OutgoingMessage) => {
    published.push(message);
    return backend.events.publish(message);
  };
  const task = shopOrderTask({ shop: noShop, records: backend.records, publish, clock, ...given }).provide(
    {},
    { random: () => random },
  );
  const run = async (id = 'task-1', results: object = fetched) => {
    const ended = outcomeOf(task, { id, clock, results: { ...results } });
    await clock.run();
    return ended;
  };
  return { run, clock, backend, published };
}

const madeBy = (results: Readonly<Record<string, unknown>>) => orderSchema.parse(results.create_order);
const attemptsOf = ({ steps }: TaskReport, step: string) => steps[step]?.attempts;

describe('create_order', () => {
  test('keeps the order once, under an id that comes from the task’s', async () => {
    const { run, backend } = await orderWith();
    const order = madeBy((await run()).results);
    expect(order).toMatchObject({
      id: 'order-task-1',
      total: 175.95,
      discounted_total: 164.2,
      created_at: '2026-01-02T03:04:05.000Z',
    });
    expect(await backend.records.read('orders.order-task-1')).toEqual(order);
    expect(madeBy((await run('task-2')).results).id).toBe('order-task-2');
  });

  test('repeated, gives the record that was kept first, later as it may be', async () => {
    const { run, clock } = await orderWith();
    const first = madeBy((await run()).results);
    await clock.advance(60_000);
    const cheaper = seedCatalogue.map((product) => ({ ...product, price: 1 }));
    const again = await run('task-1', { ...fetched, fetch_products: cheaper });
    expect(again.results.create_order).toEqual(first);
    expect(again.results.publish_event).toMatchObject({ duplicate: true });
  });

  test('is tried again where the records do not answer, and makes no second order', async () => {
    const { backend } = await orderWith();
    let calls = 0;
    const records: OrderSurroundings['records'] = {
      create: async (key, value) => {
        const kept = await backend.records.create(key, value);
        calls += 1;
        if (calls === 1) throw new UnavailableError('records.create', { cause: new Error('lost') });
        return kept;
      },
    };
    const { run } = await orderWith({ records });
    const { report, results } = await run();
    expect(attemptsOf(report, 'create_order')).toBe(2);
    expect(madeBy(results).created_at).toBe('2026-01-02T03:04:05.000Z');
    expect(await backend.records.read('orders.order-task-1')).toEqual(results.create_order);
  });

  test('fails for good where the records refuse it', async () => {
    const records: OrderSurroundings['records'] = {
      create: async () => Promise.reject(new RefusedError('Too large.')),
    };
    const { output, report } = await (await orderWith({ records })).run();
    expect(output).toMatchObject({ error: { step: 'create_order', code: 'refused', message: 'Too large.' } });
    expect(attemptsOf(report, 'create_order')).toBe(1);
  });

  test('fails for good where something else stands under its id', async () => {
    const { run, backend } = await orderWith();
    await backend.records.create('orders.order-task-1', { id: 'something else' });
    const { output } = await run();
    expect(output).toMatchObject({ error: { step: 'create_order', code: 'invalid_data', attempt: 1 } });
  });
});

describe('publish_event', () => {
  test('publishes order.created once, and keeps where, and when that was acknowledged', async () => {
    const { run, published } = await orderWith();
    const { results } = await run();
    expect(results.publish_event).toEqual({
      event_id: 'task-1/publish_event',
      subject: 'orders.created.order-task-1',
      stream: 'ORDERS',
      sequence: 1,
      duplicate: false,
      acknowledged_at: '2026-01-02T03:04:05.000Z',
    });
    expect(published).toEqual([
      {
        subject: 'orders.created.order-task-1',
        id: 'task-1/publish_event',
        once: true,
        body: expect.objectContaining({ type: 'order.created' }),
      },
    ]);
  });

  test('its event is a CloudEvent 1.0, with the order as its data', async () => {
    const { run, published } = await orderWith();
    const { results } = await run();
    const event = published[0]?.body as unknown as OrderCreated;
    expect(orderCreatedSchema.parse(event)).toEqual(event);
    // What the specification requires: none is empty, the source is a URI reference, the time RFC 3339.
    for (const required of ['id', 'source', 'specversion', 'type'] as const)
      expect(event[required]).toMatch(/./);
    expect(event).toMatchObject({
      specversion: '1.0',
      type: 'order.created',
      datacontenttype: 'application/json',
    });
    expect(new URL(event.source, 'http://local').pathname).toBe(event.source);
    expect(event.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    for (const attribute of Object.keys(event)) expect(attribute).toMatch(/^[a-z0-9]{1,20}$/);
    expect(event.subject).toBe('order-task-1');
    expect(event.data).toEqual(results.create_order);
  });

  test('repeated, is the same event to the letter, and a duplicate of the first', async () => {
    const { run, clock, published } = await orderWith();
    await run();
    await clock.advance(3_600_000);
    const { results } = await run();
    expect(published).toHaveLength(2);
    expect(published[1]).toEqual(published[0]);
    expect(results.publish_event).toMatchObject({
      sequence: 1,
      duplicate: true,
      acknowledged_at: '2026-01-02T04:04:05.000Z',
    });
  });

  test('that is refused fails the step for good', async () => {
    const publish = () => Promise.reject(new RefusedError('No stream takes the subject "orders.created.x".'));
    const { output, report } = await (await orderWith({ publish })).run();
    expect(output).toMatchObject({
      status: 'error',
      error: {
        step: 'publish_event',
        code: 'refused',
        attempt: 1,
        message: expect.stringContaining('No stream'),
      },
    });
    expect(attemptsOf(report, 'publish_event')).toBe(1);
  });

  test('is tried again without limit while the bus is away, half a minute apart in the end', async () => {
    const times: number[] = [];
    const publish = async () => {
      times.push(order.clock.now());
      if (times.length <= 40) throw new UnavailableError('events.publish', { cause: new Error('no leader') });
      return ACK;
    };
    const order = await orderWith({ publish }, 1 - Number.EPSILON);
    const { output, report } = await order.run();
    expect(output.status).toBe('complete');
    expect(attemptsOf(report, 'publish_event')).toBe(41);
    const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(waits.slice(0, 6)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000]);
    expect(new Set(waits.slice(5))).toEqual(new Set([30_000]));
  });

  test('whose answer is lost publishes no second event', async () => {
    const lost = await orderWith();
    let calls = 0;
    const { run } = await orderWith({
      publish: async (message) => {
        const ack = await lost.backend.events.publish(message);
        calls += 1;
        if (calls < 3) throw new UnavailableError('events.publish', { cause: new Error('cut') });
        return ack;
      },
    });
    const { results } = await run();
    expect(results.publish_event).toMatchObject({ sequence: 1, duplicate: true });
  });
});

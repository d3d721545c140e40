import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { EventBus, IncomingMessage, SubscribeOptions } from '../../../src/backends/port.ts';
import { messageOf } from '../../conformance/publishing.ts';
import { Arrivals, warnings } from '../../conformance/stand.ts';
import { layCable, repeated } from './cable.ts';
import { inboxStand, until } from './inbox-stand.ts';

async function reading(events: EventBus, options: SubscribeOptions): Promise<Arrivals<string>> {
  const arrivals = new Arrivals<string>();
  await events.subscribe('orders.>', options, ({ id }: IncomingMessage) => arrivals.push(id));
  return arrivals;
}

const named = { name: 'mailer' } as const;

describe('the event bus', () => {
  it('B2 stores a message with `once` once, beyond the duplicate window too, whatever its id', async () => {
    await using stand = await inboxStand();
    const { events } = await stand.open({ duplicateWindow: 100 });
    const first = await events.publish(messageOf('orders.created.1', 'm1', { once: true }));
    const plain = await events.publish(messageOf('orders.plain', 'm1'));
    // The server looks for ids that are too old once in a window.
    await sleep(500);
    for (const id of ['m1', 'm2']) {
      const again = await events.publish(messageOf('orders.created.1', id, { once: true }));
      expect(again).toEqual({ ...first, duplicate: true });
    }
    expect(await events.publish(messageOf('orders.plain', 'm1'))).not.toEqual({ ...plain, duplicate: true });
    expect(await stand.count('ORDERS')).toBe(3);
  });

  it('B1 B2 stores each message once over connections that are cut', async () => {
    await using stand = await inboxStand();
    await using cable = await layCable(stand.server.port);
    const { events } = await stand.open({ servers: cable.url, duplicateWindow: 100 });
    const count = 8;
    for (let n = 0; n < count; n++) {
      const publish = (): Promise<unknown> =>
        repeated(() => events.publish(messageOf(`orders.created.${n}`, `m${n}`, { once: true })));
      const published = publish();
      // At any instant of it, the first turn to the last.
      for (let turns = 0; turns < n % 4; turns++) await new Promise((resolve) => setImmediate(resolve));
      cable.cut();
      await published;
    }
    expect(await stand.count('ORDERS')).toBe(count);
  });

  it('says that it is unknown, not refused, while the server is away', async () => {
    await using stand = await inboxStand();
    const { events } = await stand.open();
    await stand.server.end('SIGKILL');
    await expect(events.publish(messageOf('orders.a', 'm1'))).rejects.toMatchObject({
      name: 'UnavailableError',
      retryable: true,
    });
    await stand.server.start();
    await repeated(() => events.publish(messageOf('orders.a', 'm1')));
  });

  it('hands over each message once and in order over restarts of the server, with a name or without', async () => {
    await using stand = await inboxStand();
    const { events } = await stand.open();
    const readers = [await reading(events, {}), await reading(events, named)];
    const expected: string[] = [];
    for (let n = 0; n < 40; n++) {
      if (n % 20 === 10) {
        await stand.server.end('SIGKILL');
        await stand.server.start();
      }
      expected.push(`m${n}`);
      await repeated(() => events.publish(messageOf('orders.a', `m${n}`)));
    }
    for (const arrivals of readers) {
      const ids = await arrivals.take(expected.length);
      expect(ids).toEqual(expected);
    }
  });

  it.each([
    ['without a name', {}],
    ['with a name', named],
  ])('goes on where it was when the consumer of a subscription %s is deleted', async (_, options) => {
    await using stand = await inboxStand();
    const { events } = await stand.open();
    const arrivals = await reading(events, options);
    for (const id of ['m1', 'm2']) await events.publish(messageOf('orders.a', id));
    expect(await arrivals.take(2)).toEqual(['m1', 'm2']);
    const { consumers } = await stand.api<{ consumers: string[] }>('CONSUMER.NAMES.ORDERS');
    expect(consumers).toHaveLength(1);
    await stand.api(`CONSUMER.DELETE.ORDERS.${consumers[0]}`);
    for (const id of ['m3', 'm4']) await events.publish(messageOf('orders.a', id));
    expect(await arrivals.take(2)).toEqual(['m3', 'm4']);
    await sleep(300);
    expect(arrivals.waiting).toBe(0);
  });

  it.each([
    ['without a name', {}],
    ['with a name', named],
  ])('goes on with a stream that was deleted and is made anew, for a subscription %s', async (_, options) => {
    await using stand = await inboxStand();
    const warned = warnings();
    const { events } = await stand.open();
    const arrivals = await reading(events, options);
    for (const id of ['m1', 'm2']) await events.publish(messageOf('orders.a', id));
    expect(await arrivals.take(2)).toEqual(['m1', 'm2']);
    await stand.api('STREAM.DELETE.ORDERS');
    await repeated(() => events.publish(messageOf('orders.a', 'm3')));
    expect(await arrivals.next()).toBe('m3');
    expect(warned.all.join('\n')).toContain('The stream ORDERS was made anew');
  });

  it('leaves out, and tells, what others published that is no JSON', async () => {
    await using stand = await inboxStand();
    const warned = warnings();
    const { events } = await stand.open();
    const readers = [await reading(events, {}), await reading(events, named)];
    await stand.client.request('orders.a', new Uint8Array([0xff]));
    await stand.client.request('orders.a', '{"no id": true}');
    await events.publish(messageOf('orders.a', 'm1'));
    for (const arrivals of readers) expect(await arrivals.take(2)).toEqual(['ORDERS/2', 'm1']);
    expect(warned.all.filter((warning) => warning.includes('The message 1 of ORDERS'))).toHaveLength(2);
  });

  it('keeps a message with its handler however long that takes', async () => {
    await using stand = await inboxStand();
    const [one, other] = await Promise.all([stand.open(), stand.open()]);
    const seen: string[] = [];
    const gate = Promise.withResolvers<void>();
    for (const { events } of [one, other]) {
      await events.subscribe('orders.>', named, async ({ id }) => {
        seen.push(id);
        await gate.promise;
      });
    }
    for (const id of ['m1', 'm2']) await one.events.publish(messageOf('orders.a', id));
    // Longer than the server waits for a sign of life.
    await sleep(5_500);
    expect(seen).toEqual(['m1']);
    gate.resolve();
    await until('the next one came', () => seen.length === 2);
  });
});

import { describe, expect, it } from 'vitest';
import type { EventBus, IncomingMessage, OutgoingMessage } from '../../src/backends/index.ts';
import { edgeIds, malformedIds, malformedSubjects, notJson, oddJson } from './forms.ts';
import { Arrivals, DAY, type Open, stringOf, type Traits } from './stand.ts';

export const messageOf = (
  subject: string,
  id: string,
  more: Partial<OutgoingMessage> = {},
): OutgoingMessage => ({
  subject,
  id,
  body: { of: id },
  ...more,
});

/** The ids of all that is kept under a filter, in order. */
export async function keptIds(events: EventBus, filter: string, count: number): Promise<string[]> {
  const arrivals = new Arrivals<IncomingMessage>();
  const subscription = await events.subscribe(filter, { start: 'all' }, arrivals.push);
  const messages = await arrivals.take(count);
  await subscription.stop();
  return messages.map(({ id }) => id);
}

export function publishingPart(open: Open, { virtualTime }: Traits): void {
  describe('events.publish', () => {
    it('B1 answers with the stream and a sequence that grows within it', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      const first = await events.publish(messageOf('orders.created.1', 'm1'));
      const second = await events.publish(messageOf('orders.created.2', 'm2'));
      const other = await events.publish(messageOf('taskchart.events.order.1', 'm3'));
      expect(first).toEqual({ stream: 'ORDERS', sequence: expect.any(Number), duplicate: false });
      expect(second).toEqual({ stream: 'ORDERS', sequence: expect.any(Number), duplicate: false });
      expect(other).toEqual({ stream: 'TASKCHART_EVENTS', sequence: expect.any(Number), duplicate: false });
      expect(first.sequence).toBeGreaterThan(0);
      expect(second.sequence).toBeGreaterThan(first.sequence);
    });

    it('B2 stores an id of a subject once and says where', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      const first = await events.publish(messageOf('orders.a', 'm1'));
      expect(await events.publish(messageOf('orders.a', 'm2'))).toMatchObject({ duplicate: false });
      expect(await events.publish(messageOf('orders.a', 'm1'))).toEqual({ ...first, duplicate: true });
      expect(await events.publish(messageOf('orders.a', 'm1', { body: 2 }))).toEqual({
        ...first,
        duplicate: true,
      });
      expect(await events.publish(messageOf('orders.b', 'm1'))).toMatchObject({ duplicate: false });
      await events.publish(messageOf('orders.a', 'm3'));
      expect(await keptIds(events, 'orders.>', 4)).toEqual(['m1', 'm2', 'm1', 'm3']);
    });

    it('B2 stores an id once when it is published many times at once', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      const acks = await Promise.all(
        Array.from({ length: 20 }, () => events.publish(messageOf('orders.a', 'm1'))),
      );
      expect(acks.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
      expect(new Set(acks.map(({ sequence }) => sequence)).size).toBe(1);
    });

    it('B2 stores one message on a subject that carries one for ever, whatever the id', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      const acks = await Promise.all(
        Array.from({ length: 20 }, (_, n) => events.publish(messageOf('orders.a', `m${n}`, { once: true }))),
      );
      const [stored, ...more] = acks.filter(({ duplicate }) => !duplicate);
      expect(more).toEqual([]);
      for (const { sequence } of acks) expect(sequence).toBe(stored?.sequence);
      const other = await events.publish(messageOf('orders.b', 'm0', { once: true }));
      expect(other.duplicate).toBe(false);
      await events.publish(messageOf('orders.c', 'plain'));
      expect(await keptIds(events, 'orders.>', 3)).toEqual([expect.any(String), 'm0', 'plain']);
    });

    it('B2 finds a message with `once` a duplicate of the first on its subject, however that came', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      const first = await events.publish(messageOf('orders.a', 'm1'));
      await events.publish(messageOf('orders.a', 'm2'));
      expect(await events.publish(messageOf('orders.a', 'm3', { once: true }))).toEqual({
        ...first,
        duplicate: true,
      });
    });

    it('B5 refuses a subject without a stream, naming it and the streams', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      for (const subject of ['orders', 'ordersx.a', 'payments.1', 'taskchart.events']) {
        const error: unknown = await events
          .publish(messageOf(subject, 'm1'))
          .catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ name: 'RefusedError' });
        for (const part of [`"${subject}"`, 'ORDERS (orders.>)', 'TASKCHART_EVENTS']) {
          expect(error).toMatchObject({ message: expect.stringContaining(part) });
        }
      }
    });

    it('B5 refuses a body that is too large, and stores nothing', async () => {
      await using stand = await open();
      const { RefusedError } = await import('../../src/backends/index.ts');
      const { events } = stand.backend;
      const limit = stand.settings.maxMessageBytes;
      const body = stringOf(limit + 1);
      const error: unknown = await events
        .publish(messageOf('orders.a', 'm1', { body }))
        .catch((e: unknown) => e);
      expect(error).toBeInstanceOf(RefusedError);
      expect(error).toMatchObject({ name: 'TooLargeError', limit, bytes: limit + 1 });
      expect((await events.publish(messageOf('orders.a', 'm1', { once: true }))).duplicate).toBe(false);
    });

    it.each(notJson)('B5 refuses %s by its path', async (_, value, reason) => {
      await using stand = await open();
      const { events } = stand.backend;
      const body = { data: [value] } as never;
      await expect(events.publish(messageOf('orders.a', 'm1', { body }))).rejects.toMatchObject({
        name: 'NotJsonError',
        path: 'body.data[0]',
        message: expect.stringMatching(reason),
      });
      expect((await events.publish(messageOf('orders.a', 'm1', { once: true }))).duplicate).toBe(false);
    });

    it('B5 refuses malformed subjects and ids, and takes ids at the edges', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      for (const subject of malformedSubjects) {
        const malformed = { name: 'MalformedError', argument: 'subject' };
        await expect(events.publish(messageOf(subject, 'm1'))).rejects.toMatchObject(malformed);
      }
      for (const id of malformedIds) {
        const malformed = { name: 'MalformedError', argument: 'id' };
        await expect(events.publish(messageOf('orders.a', id))).rejects.toMatchObject(malformed);
      }
      for (const id of edgeIds) {
        expect((await events.publish(messageOf('orders.a', id))).duplicate).toBe(false);
        expect((await events.publish(messageOf('orders.a', id))).duplicate).toBe(true);
      }
      expect(await keptIds(events, 'orders.a', edgeIds.length)).toEqual(edgeIds);
    });

    it('B4 keeps any JSON equal, and shares none of it', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      const body = structuredClone(oddJson);
      const [spoilt, arrivals] = [new Arrivals<void>(), new Arrivals<IncomingMessage>()];
      await events.subscribe('orders.>', {}, (message) => {
        (message.body as unknown[]).length = 0;
        spoilt.push();
      });
      await events.subscribe('orders.>', {}, arrivals.push);
      const ack = await events.publish(messageOf('orders.a', 'm1', { body }));
      body.length = 0;
      await spoilt.next();
      expect(await arrivals.next()).toEqual({
        subject: 'orders.a',
        id: 'm1',
        body: oddJson,
        stream: ack.stream,
        sequence: ack.sequence,
        at: expect.any(Number),
      });
    });

    it.runIf(virtualTime)('keeps messages, and what they dedup, for retention', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      await events.publish(messageOf('orders.a', 'm1', { once: true }));
      await events.publish(messageOf('orders.c', 'm1'));
      await stand.pass(stand.settings.retention);
      expect((await events.publish(messageOf('orders.a', 'm2', { once: true }))).duplicate).toBe(true);
      expect(await keptIds(events, 'orders.>', 2)).toEqual(['m1', 'm1']);
      await stand.pass(DAY);
      expect((await events.publish(messageOf('orders.c', 'm1'))).duplicate).toBe(false);
      expect((await events.publish(messageOf('orders.a', 'm1', { once: true }))).duplicate).toBe(false);
      await events.publish(messageOf('orders.b', 'm2'));
      expect(await keptIds(events, 'orders.>', 3)).toEqual(['m1', 'm1', 'm2']);
      expect(await keptIds(events, 'orders.a', 1)).toEqual(['m1']);
    });
  });
}

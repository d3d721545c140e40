import { describe, expect, it } from 'vitest';
import type { Delivery, IncomingMessage, StoredCommit } from '../../src/backends/index.ts';
import { oddJson } from './forms.ts';
import { drain, eventOf, labelOf, requestOf, taking } from './inbox.ts';
import { commitOf } from './journal.ts';
import { messageOf } from './publishing.ts';
import { Arrivals, collect, DAY, type Open, type Traits } from './stand.ts';

/** What was stored before `close()` is there after another has been opened in its place (B1). */
export function reopeningPart(open: Open, { virtualTime }: Traits): void {
  describe('reopened', () => {
    it('B1 has the journals, takes appends behind them, and refuses what it refused', async () => {
      await using stand = await open();
      const first = await stand.backend.journal.append('t', 0, commitOf('c1', { entries: oddJson }));
      const hash = 'a'.repeat(64);
      const more = { blobs: [hash], closing: true };
      const second = await stand.backend.journal.append('t', first, commitOf('c2', more));
      const before = await collect(stand.backend.journal.read('t'));
      const { journal } = await stand.reopen();
      expect(await collect(journal.read('t'))).toEqual(before);
      expect(before[1]).toMatchObject(more);
      expect(await journal.append('t', first, commitOf('c2'))).toBe(second);
      await expect(journal.append('t', first, commitOf('c3', { writer: 'loser' }))).rejects.toMatchObject({
        name: 'JournalConflictError',
        sequence: second,
        writer: 'writer-1',
      });
      const third = await journal.append('t', second, commitOf('c3'));
      expect(third).toBeGreaterThan(second);
      const arrivals = new Arrivals<StoredCommit>();
      await journal.follow('t', first, arrivals.push);
      expect((await arrivals.take(2)).map(({ id }) => id)).toEqual(['c2', 'c3']);
    });

    it('B1 has the records and the blobs', async () => {
      await using stand = await open();
      await stand.backend.records.create('orders.1', oddJson);
      const hash = await stand.backend.blobs.put(oddJson);
      const { records, blobs } = await stand.reopen();
      expect(await records.read('orders.1')).toEqual(oddJson);
      expect(await records.create('orders.1', 2)).toEqual({ created: false, value: oddJson });
      expect(await blobs.read(hash)).toEqual(oddJson);
    });

    it('B1 hands over what was not acknowledged, at once and in order, and counts its attempts on', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      await inbox.submit(requestOf('t'));
      for (const eventId of ['e1', 'e2', 'e3']) await inbox.deliver(eventOf('t', eventId));
      const { arrivals } = await taking(inbox, 3);
      const [request, e1] = await arrivals.take(3);
      await e1?.acknowledge();
      await arrivals.next();
      await request?.handBack();
      await arrivals.next();
      await stand.reopen();
      const again = await taking(stand.backend.inbox, 10);
      const deliveries = await again.arrivals.take(3);
      expect(deliveries.map((delivery) => [labelOf(delivery), delivery.attempt])).toEqual([
        ['t', 3],
        ['t/e2', 2],
        ['t/e3', 2],
      ]);
      expect(deliveries[0]?.message.body).toEqual(requestOf('t').body);
      await Promise.all(deliveries.map((delivery) => delivery.acknowledge()));
      await stand.reopen();
      const last = await taking(stand.backend.inbox, 10);
      await stand.quiet();
      expect(last.arrivals.waiting).toBe(0);
    });

    it('B2 knows what was sent before: unacknowledged requests, events also after that', async () => {
      await using stand = await open();
      await stand.backend.inbox.submit(requestOf('t'));
      await stand.backend.inbox.deliver(eventOf('t', 'e1'));
      await stand.backend.inbox.deliver(eventOf('u', 'e2'));
      expect(await drain(stand.backend, 3)).toHaveLength(3);
      await stand.backend.inbox.submit(requestOf('v'));
      await stand.backend.inbox.deliver(eventOf('v', 'e3'));
      const { inbox } = await stand.reopen();
      for (const [taskId, eventId] of ['t/e1', 'u/e2', 'v/e3'].map((label) => label.split('/'))) {
        expect(await inbox.deliver(eventOf(taskId ?? '', eventId ?? ''))).toEqual({ duplicate: true });
      }
      await inbox.submit({ ...requestOf('v'), body: 'another' });
      const { arrivals } = await taking(inbox, 10);
      expect((await arrivals.next()).message.body).toEqual(requestOf('v').body);
      expect(labelOf(await arrivals.next())).toBe('v/e3');
      await stand.quiet();
      expect(arrivals.waiting).toBe(0);
    });

    it('B1 keeps what was handed back until a time back until then, whether open or not', async () => {
      await using stand = await open();
      const { ackWait } = stand.settings;
      for (const id of ['soon', 'late']) await stand.backend.inbox.submit(requestOf(id));
      const first = await taking(stand.backend.inbox, 2);
      const start = stand.now();
      for (const delivery of await first.arrivals.take(2)) {
        await delivery.handBack(start + (labelOf(delivery) === 'soon' ? 1 : 3) * ackWait);
      }
      await stand.reopen();
      const { arrivals } = await taking(stand.backend.inbox, 2);
      await stand.quiet();
      expect(arrivals.waiting).toBe(0);
      await stand.pass(ackWait);
      const soon = await arrivals.next();
      expect([labelOf(soon), soon.attempt]).toEqual(['soon', 2]);
      await soon.acknowledge();
      await stand.quiet();
      expect(arrivals.waiting).toBe(0);
      await stand.reopen(2 * ackWait);
      const again = await taking(stand.backend.inbox, 2);
      const late: Delivery = await again.arrivals.next();
      expect(stand.now()).toBeGreaterThanOrEqual(start + 3 * ackWait);
      expect([labelOf(late), late.attempt]).toEqual(['late', 2]);
    });

    it('B1 has what was published, and B2 knows its ids and what was to be there once', async () => {
      await using stand = await open();
      const ack = await stand.backend.events.publish(messageOf('orders.a', 'm1', { body: oddJson }));
      await stand.backend.events.publish(messageOf('orders.b', 'm2', { once: true }));
      const { events } = await stand.reopen();
      expect(await events.publish(messageOf('orders.a', 'm1'))).toEqual({ ...ack, duplicate: true });
      expect(await events.publish(messageOf('orders.b', 'm3', { once: true }))).toMatchObject({
        duplicate: true,
      });
      const next = await events.publish(messageOf('orders.a', 'm4'));
      expect(next.sequence).toBeGreaterThan(ack.sequence);
      const arrivals = new Arrivals<IncomingMessage>();
      await events.subscribe('orders.>', { start: 'all' }, arrivals.push);
      const messages = await arrivals.take(3);
      expect(messages.map(({ id }) => id)).toEqual(['m1', 'm2', 'm4']);
      expect(messages[0]).toMatchObject({ body: oddJson, sequence: ack.sequence });
    });

    it('B1 lets a named subscriber continue where it was, and one without a name begin anew', async () => {
      await using stand = await open();
      const publish = async (...ids: string[]): Promise<void> => {
        for (const id of ids) await stand.backend.events.publish(messageOf('orders.a', id));
      };
      await publish('m0');
      const read = async (count: number, failing = ''): Promise<string[]> => {
        const seen = new Arrivals<string>();
        const subscription = await stand.backend.events.subscribe(
          'orders.>',
          { name: 'mailer' },
          ({ id }) => {
            if (id === failing) throw new Error('no mail server');
            seen.push(id);
          },
        );
        const ids = await seen.take(count);
        await stand.quiet();
        await subscription.stop();
        return ids;
      };
      await read(0);
      await publish('m1', 'm2', 'm3');
      await stand.reopen();
      expect(await read(2, 'm3')).toEqual(['m1', 'm2']);
      await publish('m4');
      await stand.reopen();
      expect(await read(2)).toEqual(['m3', 'm4']);
      await stand.reopen();
      await expect(
        stand.backend.events.subscribe('orders.a', { name: 'mailer' }, () => {}),
      ).rejects.toMatchObject({ name: 'RefusedError', message: expect.stringContaining('"orders.>"') });
      const fresh = new Arrivals<IncomingMessage>();
      await stand.backend.events.subscribe('orders.>', {}, fresh.push);
      await publish('m5');
      expect((await fresh.next()).id).toBe('m5');
      expect(await read(1)).toEqual(['m5']);
    });

    it('B1 continues where the handler was that ran while it was closed', async () => {
      await using stand = await open();
      const [started, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      await stand.backend.events.subscribe('orders.>', { name: 'mailer' }, async () => {
        started.resolve();
        await gate.promise;
      });
      for (const id of ['m1', 'm2']) await stand.backend.events.publish(messageOf('orders.a', id));
      await started.promise;
      const reopened = stand.reopen();
      gate.resolve();
      await reopened;
      const arrivals = new Arrivals<IncomingMessage>();
      await stand.backend.events.subscribe('orders.>', { name: 'mailer' }, arrivals.push);
      expect((await arrivals.next()).id).toBe('m2');
    });

    it('gives no sequence again', async () => {
      await using stand = await open();
      const first = await stand.backend.journal.append('t', 0, commitOf('c1'));
      const ack = await stand.backend.events.publish(messageOf('orders.a', 'm1'));
      await stand.reopen();
      expect(await stand.backend.journal.append('u', 0, commitOf('c1'))).toBeGreaterThan(first);
      const other = await stand.backend.events.publish(messageOf('orders.a', 'm2'));
      expect(other.sequence).toBeGreaterThan(ack.sequence);
    });

    it.runIf(virtualTime)(
      'drops what went out of date while it was closed, and gives no sequence again',
      async () => {
        await using stand = await open();
        const { retention } = stand.settings;
        const { journal, inbox, blobs, events } = stand.backend;
        const hash = await blobs.put('value');
        const old = await journal.append('t', 0, commitOf('c1', { blobs: [hash], closing: true }));
        const ack = await events.publish(messageOf('orders.a', 'm1', { once: true }));
        await inbox.deliver(eventOf('t', 'e1'));
        await drain(stand.backend, 1);
        await stand.reopen(retention + DAY);
        await stand.pass(DAY);
        await stand.reopen();
        expect(await stand.backend.journal.last('t')).toBeUndefined();
        expect(await stand.backend.blobs.read(hash)).toBeUndefined();
        expect(await stand.backend.inbox.deliver(eventOf('t', 'e1'))).toEqual({ duplicate: false });
        const again = await stand.backend.events.publish(messageOf('orders.a', 'm1', { once: true }));
        expect(again.duplicate).toBe(false);
        expect(again.sequence).toBeGreaterThan(ack.sequence);
        const fresh = await stand.backend.journal.append('t', 0, commitOf('c1'));
        expect(fresh).toBeGreaterThan(old);
        expect(await collect(stand.backend.journal.read('t'))).toHaveLength(1);
      },
    );
  });
}

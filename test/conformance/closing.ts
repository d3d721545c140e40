import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Delivery, StoredCommit } from '../../src/backends/index.ts';
import { eventOf, requestOf, taking } from './inbox.ts';
import { commitOf } from './journal.ts';
import { messageOf } from './publishing.ts';
import { Arrivals, collect, type Open } from './stand.ts';

export function closingPart(open: Open): void {
  describe('backend.close', () => {
    it('may be called twice, and is the same as disposal', async () => {
      const { backend } = await open();
      await Promise.all([backend.close(), backend.close()]);
      await backend.close();
      await backend[Symbol.asyncDispose]();
      const other = await open();
      await other.backend[Symbol.asyncDispose]();
      await expect(other.backend.journal.last('t')).rejects.toMatchObject({ name: 'BackendClosedError' });
    });

    it('B5 refuses every call after it, naming the backend and the call', async () => {
      const { backend } = await open();
      const { journal, inbox, events, records, blobs, actors } = backend;
      await inbox.submit(requestOf('t'));
      const { arrivals, subscription } = await taking(inbox, 1);
      const delivery: Delivery = await arrivals.next();
      await journal.append('t', 0, commitOf('c1'));
      const reader = journal.read('t')[Symbol.asyncIterator]();
      await backend.close();
      const calls: [string, () => Promise<unknown>][] = [
        ['journal.append', () => journal.append('t', 0, commitOf('c1'))],
        ['journal.read', () => collect(journal.read('t'))],
        ['journal.read', () => reader.next()],
        ['journal.last', () => journal.last('t')],
        ['journal.follow', () => journal.follow('t', 0, () => {})],
        ['inbox.submit', () => inbox.submit(requestOf('t'))],
        ['inbox.deliver', () => inbox.deliver(eventOf('t', 'e'))],
        ['inbox.take', () => inbox.take({ names: ['order'], limit: 1 }, () => {})],
        ['delivery.acknowledge', () => delivery.acknowledge()],
        ['delivery.handBack', () => delivery.handBack()],
        ['delivery.', () => delivery.refuse('')],
        ['events.publish', () => events.publish(messageOf('orders.a', 'm'))],
        ['events.subscribe', () => events.subscribe('orders.>', {}, () => {})],
        ['records.create', () => records.create('a', 1)],
        ['records.read', () => records.read('a')],
        ['blobs.put', () => blobs.put(1)],
        ['blobs.read', () => blobs.read('0'.repeat(64))],
        ['actors.answer', async () => actors.answer('t', () => 1)],
        ['actors.ask', () => actors.ask('t', 1)],
      ];
      for (const [call, asked] of calls) {
        const error: unknown = await asked().catch((thrown: unknown) => thrown);
        expect(error, call).toMatchObject({ name: 'BackendClosedError' });
        expect(error).toMatchObject({ message: expect.stringContaining(call) });
        expect(error).toMatchObject({ message: expect.stringContaining(backend.name) });
      }
      delivery.keepAlive();
      await subscription.stop();
    });

    it('ends subscriptions, and waits for the handlers that run', async () => {
      const stand = await open();
      const { journal, inbox, events } = stand.backend;
      const commits = new Arrivals<StoredCommit>();
      const { arrivals } = await taking(inbox, 10);
      await journal.follow('t', 0, commits.push);
      const [started, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      let handled = 0;
      await events.subscribe('orders.>', { name: 'mailer' }, async () => {
        started.resolve();
        await gate.promise;
        await turn();
        handled++;
      });
      await events.publish(messageOf('orders.a', 'm1'));
      await events.publish(messageOf('orders.a', 'm2'));
      await started.promise;
      const sent = [journal.append('t', 0, commitOf('c1')), inbox.submit(requestOf('t'))];
      await Promise.all(sent);
      const seen = [commits.all.length, arrivals.all.length];
      let isClosed = false;
      const closed = stand.backend.close().then(() => {
        isClosed = true;
      });
      await stand.quiet();
      expect(isClosed).toBe(false);
      gate.resolve();
      await closed;
      await stand.pass(2 * stand.settings.ackWait);
      expect(handled).toBe(1);
      expect([commits.all.length, arrivals.all.length]).toEqual(seen);
    });
  });
}

import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { IncomingMessage } from '../../src/backends/index.ts';
import { malformedFilters, malformedSubscriberNames } from './forms.ts';
import { messageOf } from './publishing.ts';
import { Arrivals, type Open, warnings } from './stand.ts';

const idsOf = (messages: readonly IncomingMessage[]): string[] => messages.map(({ id }) => id);

export function subscribingPart(open: Open): void {
  describe('events.subscribe', () => {
    it.each([
      ['orders.created.1', ['orders.created.1']],
      ['orders.*.1', ['orders.created.1', 'orders.paid.1']],
      ['orders.created.*', ['orders.created.1', 'orders.created.2']],
      [
        'orders.>',
        ['orders.created.1', 'orders.created.2', 'orders.paid.1', 'orders.paid.1.late', 'orders.x'],
      ],
      ['orders.*', ['orders.x']],
      ['orders.*.*.>', ['orders.paid.1.late']],
      ['orders.*.>', ['orders.created.1', 'orders.created.2', 'orders.paid.1', 'orders.paid.1.late']],
      ['*.x', ['orders.x']],
      ['orders.created', []],
      ['order.>', []],
      ['orders.x.>', []],
    ])('takes by the filter %s what it stands for', async (filter, expected) => {
      await using stand = await open();
      const { events } = stand.backend;
      const [all, live] = [new Arrivals<IncomingMessage>(), new Arrivals<IncomingMessage>()];
      await events.subscribe(filter, {}, live.push);
      for (const [n, subject] of [
        'orders.created.1',
        'orders.created.2',
        'orders.paid.1',
        'orders.paid.1.late',
        'orders.x',
      ].entries()) {
        await events.publish(messageOf(subject, `m${n}`));
      }
      await events.subscribe(filter, { start: 'all' }, all.push);
      for (const arrivals of [live, all]) {
        expect((await arrivals.take(expected.length)).map(({ subject }) => subject)).toEqual(expected);
      }
      await stand.quiet();
      expect([live.waiting, all.waiting]).toEqual([0, 0]);
    });

    it('takes from several streams by one filter', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      const arrivals = new Arrivals<IncomingMessage>();
      await events.subscribe('>', {}, arrivals.push);
      await events.publish(messageOf('orders.a', 'm1'));
      await events.publish(messageOf('taskchart.events.a', 'm2'));
      expect(idsOf(await arrivals.take(2)).sort()).toEqual(['m1', 'm2']);
    });

    it('begins with what is new, or with all that is kept', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      await events.publish(messageOf('orders.a', 'old'));
      const [fresh, all] = [new Arrivals<IncomingMessage>(), new Arrivals<IncomingMessage>()];
      await events.subscribe('orders.a', {}, fresh.push);
      await events.subscribe('orders.a', { start: 'all' }, all.push);
      await events.publish(messageOf('orders.a', 'new'));
      expect(idsOf(await all.take(2))).toEqual(['old', 'new']);
      expect(idsOf(await fresh.take(1))).toEqual(['new']);
      await stand.quiet();
      expect(fresh.waiting).toBe(0);
    });

    it('hands over one message at a time, in order, without gap, while others are published', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      const count = 300;
      const arrivals = new Arrivals<IncomingMessage>();
      let running = 0;
      let most = 0;
      await events.subscribe('orders.*.x', {}, async (message) => {
        most = Math.max(most, ++running);
        if (arrivals.all.length % 7 === 0) await turn();
        running--;
        arrivals.push(message);
      });
      const expected: string[] = [];
      for (let n = 0; n < count; n++) {
        const matches = n % 3 !== 0;
        await events.publish(messageOf(`orders.${n}.${matches ? 'x' : 'y'}`, `m${n}`));
        if (matches) expected.push(`m${n}`);
        if (n % 11 === 0) await turn();
      }
      expect(idsOf(await arrivals.take(expected.length))).toEqual(expected);
      expect(most).toBe(1);
    });

    it('B6 holds nobody up by a subscriber that falls behind, which misses nothing', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      const [slow, fast] = [new Arrivals<IncomingMessage>(), new Arrivals<IncomingMessage>()];
      const gate = Promise.withResolvers<void>();
      await events.subscribe('orders.>', {}, async (message) => {
        await gate.promise;
        slow.push(message);
      });
      await events.subscribe('orders.>', {}, fast.push);
      const expected = Array.from({ length: 100 }, (_, n) => `m${n}`);
      for (const id of expected) await events.publish(messageOf('orders.a', id));
      expect(idsOf(await fast.take(100))).toEqual(expected);
      expect(slow.all).toEqual([]);
      gate.resolve();
      expect(idsOf(await slow.take(100))).toEqual(expected);
    });

    it('B6 harms nobody by a handler that throws or rejects; without a name each comes once', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      const [seen, others, errors] = [
        new Arrivals<string>(),
        new Arrivals<IncomingMessage>(),
        new Arrivals<unknown>(),
      ];
      const warned = warnings();
      const onError = (error: unknown, { id }: IncomingMessage): void => {
        errors.push([(error as Error).message, id]);
        throw new Error('even the report is broken');
      };
      await events.subscribe('orders.>', { onError }, ({ id }) => {
        seen.push(id);
        if (id === 'm1') throw new Error('thrown');
        return id === 'm2' ? Promise.reject(new Error('rejected')) : undefined;
      });
      await events.subscribe('orders.>', {}, () => {
        throw new Error('nobody is told');
      });
      await events.subscribe('orders.>', {}, others.push);
      for (const id of ['m1', 'm2', 'm3']) await events.publish(messageOf('orders.a', id));
      expect(await seen.take(3)).toEqual(['m1', 'm2', 'm3']);
      expect(idsOf(await others.take(3))).toEqual(['m1', 'm2', 'm3']);
      expect(await errors.take(2)).toEqual([
        ['thrown', 'm1'],
        ['rejected', 'm2'],
      ]);
      expect(await warned.next()).toContain('even the report is broken');
      await stand.pass(1_500);
      expect(seen.waiting).toBe(0);
    });

    it('stops in the middle: nothing more comes, and stop waits for the handler that runs', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      const seen = new Arrivals<string>();
      const gate = Promise.withResolvers<void>();
      let isDone = false;
      const subscription = await events.subscribe('orders.>', {}, async ({ id }) => {
        seen.push(id);
        await gate.promise;
        isDone = true;
      });
      for (const id of ['m1', 'm2', 'm3']) await events.publish(messageOf('orders.a', id));
      await seen.next();
      let isStopped = false;
      const stopped = subscription.stop().then(() => {
        isStopped = true;
      });
      await stand.quiet();
      expect(isStopped).toBe(false);
      gate.resolve();
      await stopped;
      expect(isDone).toBe(true);
      await subscription.stop();
      await stand.quiet();
      expect(seen.all).toEqual(['m1']);
    });

    it('is waited for when the backend closes, also if it is being stopped already', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      const begun = Promise.withResolvers<void>();
      const gate = Promise.withResolvers<void>();
      const subscription = await events.subscribe('orders.>', {}, async () => {
        begun.resolve();
        await gate.promise;
      });
      await events.publish(messageOf('orders.a', 'm1'));
      await begun.promise;
      const stopping = subscription.stop();
      let isClosed = false;
      const closing = stand.backend.close().then(() => {
        isClosed = true;
      });
      await stand.quiet();
      expect(isClosed).toBe(false);
      gate.resolve();
      await Promise.all([stopping, closing]);
    });

    it('may be stopped, and published to, from within', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      const seen = new Arrivals<string>();
      const subscription = await events.subscribe('orders.>', {}, async ({ id }) => {
        if (id === 'm1') await events.publish(messageOf('orders.a', 'm2'));
        else void subscription.stop();
        seen.push(id);
      });
      await events.publish(messageOf('orders.a', 'm1'));
      expect(await seen.take(2)).toEqual(['m1', 'm2']);
      await events.publish(messageOf('orders.a', 'm3'));
      await stand.quiet();
      expect(seen.waiting).toBe(0);
    });

    it('B5 refuses malformed filters and names', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      for (const filter of malformedFilters) {
        const malformed = { name: 'MalformedError', argument: 'filter' };
        await expect(events.subscribe(filter, {}, () => {})).rejects.toMatchObject(malformed);
      }
      for (const name of malformedSubscriberNames) {
        const malformed = { name: 'MalformedError', argument: 'name' };
        await expect(events.subscribe('orders.>', { name }, () => {})).rejects.toMatchObject(malformed);
      }
    });
  });
}

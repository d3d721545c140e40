import { describe, expect, it } from 'vitest';
import type { EventBus, IncomingMessage, SubscribeOptions } from '../../src/backends/index.ts';
import { messageOf } from './publishing.ts';
import { Arrivals, type Open } from './stand.ts';

async function reading(events: EventBus, options: SubscribeOptions, filter = 'orders.>') {
  const arrivals = new Arrivals<string>();
  const subscription = await events.subscribe(filter, options, ({ id }) => arrivals.push(id));
  return { arrivals, subscription };
}

export function namingPart(open: Open): void {
  describe('a named subscriber', () => {
    it('continues where it was, with what was stored while it was away', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      const publish = async (...ids: string[]): Promise<void> => {
        for (const id of ids) await events.publish(messageOf('orders.a', id));
      };
      await publish('m0');
      const first = await reading(events, { name: 'mailer' });
      await publish('m1', 'm2');
      expect(await first.arrivals.take(2)).toEqual(['m1', 'm2']);
      await first.subscription.stop();
      await publish('m3', 'm4');
      const second = await reading(events, { name: 'mailer', start: 'all' });
      expect(await second.arrivals.take(2)).toEqual(['m3', 'm4']);
      await publish('m5');
      expect(await second.arrivals.next()).toBe('m5');
      await second.subscription.stop();
      const third = await reading(events, { name: 'mailer' });
      await stand.quiet();
      expect(third.arrivals.waiting).toBe(0);
      await publish('m6');
      expect(await third.arrivals.next()).toBe('m6');
    });

    it('continues where it was by an exact filter too, and begins with all if it is told so', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      await events.publish(messageOf('orders.a', 'm1'));
      await events.publish(messageOf('orders.b', 'm2'));
      const first = await reading(events, { name: 'mailer', start: 'all' }, 'orders.a');
      expect(await first.arrivals.next()).toBe('m1');
      await first.subscription.stop();
      await events.publish(messageOf('orders.b', 'm3'));
      await events.publish(messageOf('orders.a', 'm4'));
      const second = await reading(events, { name: 'mailer' }, 'orders.a');
      expect(await second.arrivals.next()).toBe('m4');
      const other = await reading(events, { name: 'other', start: 'all' }, 'orders.a');
      expect(await other.arrivals.take(2)).toEqual(['m1', 'm4']);
    });

    it('gets a message that it stopped in the middle of as handled, if its handler succeeded', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      const [started, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const first = await events.subscribe('orders.>', { name: 'mailer' }, async () => {
        started.resolve();
        await gate.promise;
      });
      await events.publish(messageOf('orders.a', 'm1'));
      await events.publish(messageOf('orders.a', 'm2'));
      await started.promise;
      const stopped = first.stop();
      gate.resolve();
      await stopped;
      const second = await reading(events, { name: 'mailer' });
      expect(await second.arrivals.next()).toBe('m2');
    });

    it('gets a message whose handler failed again after a second, before any later one', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      const seen = new Arrivals<string>();
      const errors = new Arrivals<string>();
      let failures = 2;
      const onError = (error: unknown, message: IncomingMessage): void =>
        errors.push(`${(error as Error).message} ${message.id}`);
      await events.subscribe('orders.>', { name: 'mailer', onError }, async ({ id }) => {
        seen.push(id);
        if (id === 'm1' && failures-- > 0) throw new Error('no mail server');
      });
      for (const id of ['m1', 'm2']) await events.publish(messageOf('orders.a', id));
      expect(await seen.next()).toBe('m1');
      await stand.pass(500);
      expect(seen.waiting).toBe(0);
      await stand.pass(500);
      expect(await seen.next()).toBe('m1');
      await stand.pass(1_000);
      expect(await seen.take(2)).toEqual(['m1', 'm2']);
      expect(errors.all).toEqual(['no mail server m1', 'no mail server m1']);
      await stand.pass(2_000);
      expect(seen.waiting).toBe(0);
    });

    it('gets a message whose handler failed again when it comes back', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      const failed = Promise.withResolvers<void>();
      const first = await events.subscribe(
        'orders.>',
        { name: 'mailer', onError: () => failed.resolve() },
        () => {
          throw new Error('no mail server');
        },
      );
      for (const id of ['m1', 'm2']) await events.publish(messageOf('orders.a', id));
      await failed.promise;
      await first.stop();
      const second = await reading(events, { name: 'mailer' });
      await stand.pass(1_000);
      expect(await second.arrivals.take(2)).toEqual(['m1', 'm2']);
    });

    it('B6 keeps no other subscriber waiting while its message waits', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      await events.subscribe('orders.>', { name: 'broken' }, () => Promise.reject(new Error('always')));
      const other = await reading(events, { name: 'mailer' });
      const unnamed = await reading(events, {});
      for (const id of ['m1', 'm2']) await events.publish(messageOf('orders.a', id));
      expect(await other.arrivals.take(2)).toEqual(['m1', 'm2']);
      expect(await unnamed.arrivals.take(2)).toEqual(['m1', 'm2']);
    });

    it('is one, however many subscribe under the name: each message goes to one of them', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      const one = await reading(events, { name: 'mailer' });
      const other = await reading(events, { name: 'mailer' });
      const witness = await reading(events, { name: 'witness' });
      const ids = Array.from({ length: 20 }, (_, n) => `m${n}`);
      for (const id of ids) await events.publish(messageOf('orders.a', id));
      await witness.arrivals.take(20);
      await stand.quiet();
      expect([...one.arrivals.all, ...other.arrivals.all].sort()).toEqual(ids.sort());
      await one.subscription.stop();
      const before = other.arrivals.all.length;
      for (const id of ['n1', 'n2']) await events.publish(messageOf('orders.a', id));
      await other.arrivals.take(before + 2);
      expect(other.arrivals.all.slice(before)).toEqual(['n1', 'n2']);
    });

    it('B5 refuses the name of a subscriber with another filter, naming both', async () => {
      await using stand = await open();
      const { events } = stand.backend;
      const first = await reading(events, { name: 'mailer' });
      await first.subscription.stop();
      await expect(reading(events, { name: 'mailer' }, 'orders.*')).rejects.toMatchObject({
        name: 'RefusedError',
        message: expect.stringMatching(/"mailer".*"orders\.>".*"orders\.\*"/),
      });
    });
  });
}

import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../src/backends/index.ts';
import { drain, eventOf, labelOf, requestOf, taking } from './inbox.ts';
import { Arrivals, type Open, warnings } from './stand.ts';

export function takingPart(open: Open): void {
  describe('inbox.take', () => {
    it('hands over what was sent before and what is sent after', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      await inbox.submit(requestOf('before'));
      const { arrivals } = await taking(inbox, 10);
      expect(labelOf(await arrivals.next())).toBe('before');
      await inbox.submit(requestOf('after'));
      expect(labelOf(await arrivals.next())).toBe('after');
    });

    it('hands over the named tasks only, and all of them', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      await inbox.submit(requestOf('a', 'order'));
      await inbox.submit(requestOf('b', 'refund'));
      await inbox.submit(requestOf('c', 'other'));
      const both = await taking(inbox, 1, ['order', 'refund', 'order']);
      const names: string[] = [];
      for (let n = 0; n < 2; n++) {
        const delivery = await both.arrivals.next();
        names.push(delivery.message.name);
        await delivery.acknowledge();
      }
      await stand.quiet();
      expect(names.sort()).toEqual(['order', 'refund']);
      expect(both.arrivals.waiting).toBe(0);
      const other = await taking(inbox, 10, ['other']);
      expect(labelOf(await other.arrivals.next())).toBe('c');
    });

    it('leaves at most `limit` unsettled, and fills each place that is settled', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      const count = 40;
      for (let n = 0; n < count; n++) await inbox.submit(requestOf(`t${n}`));
      let unsettled = 0;
      let most = 0;
      const arrivals = new Arrivals<Delivery>();
      await inbox.take({ names: ['order'], limit: 3 }, (delivery) => {
        most = Math.max(most, ++unsettled);
        arrivals.push(delivery);
      });
      await arrivals.take(3);
      await stand.quiet();
      expect(arrivals.all).toHaveLength(3);
      arrivals.all.forEach((delivery, index) => {
        unsettled--;
        void (index === 0 ? delivery.handBack() : delivery.acknowledge());
      });
      for (let n = 0; n < count - 2; n++) {
        const delivery = await arrivals.next();
        unsettled--;
        await delivery.acknowledge();
      }
      await stand.quiet();
      expect(arrivals.waiting).toBe(0);
      expect(most).toBe(3);
    });

    it('keeps the order of each task, however many tasks there are', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      const expected = new Map<string, string[]>();
      for (let n = 0; n < 60; n++) {
        const taskId = `t${(n * n) % 7}`;
        const labels = expected.get(taskId) ?? [];
        if (labels.length === 0) await inbox.submit(requestOf(taskId));
        else await inbox.deliver(eventOf(taskId, `e${n}`));
        labels.push(labels.length === 0 ? taskId : `${taskId}/e${n}`);
        expected.set(taskId, labels);
      }
      const { arrivals } = await taking(inbox, 1);
      const seen = new Map<string, string[]>();
      for (let n = 0; n < 60; n++) {
        const delivery = await arrivals.next();
        const { taskId } = delivery.message;
        seen.set(taskId, [...(seen.get(taskId) ?? []), labelOf(delivery)]);
        await delivery.acknowledge();
      }
      expect(seen).toEqual(expected);
    });

    it('shares the work of several takers, no message in the hands of two', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      const count = 60;
      const held = new Set<string>();
      const seen: string[] = [];
      const perTaker = [0, 0, 0];
      const done = Promise.withResolvers<void>();
      const takers = perTaker.map((_, taker) =>
        inbox.take({ names: ['order'], limit: 2 }, (delivery) => {
          const label = labelOf(delivery);
          expect(held.has(label)).toBe(false);
          held.add(label);
          setImmediate(() => {
            held.delete(label);
            seen.push(label);
            perTaker[taker] = (perTaker[taker] ?? 0) + 1;
            void delivery.acknowledge();
            if (seen.length === count) done.resolve();
          });
        }),
      );
      await Promise.all(takers);
      for (let n = 0; n < count; n++) await inbox.submit(requestOf(`t${n}`));
      await done.promise;
      await stand.quiet();
      expect(new Set(seen).size).toBe(count);
      expect(seen).toHaveLength(count);
      for (const handled of perTaker) expect(handled).toBeGreaterThan(0);
    });

    it('hands over nothing new once stopped; what was handed over is still to settle', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      await inbox.submit(requestOf('a'));
      await inbox.submit(requestOf('b'));
      await inbox.submit(requestOf('c'));
      const first = await taking(inbox, 2);
      const [a, b] = await first.arrivals.take(2);
      await first.subscription.stop();
      await first.subscription.stop();
      await a?.acknowledge();
      await b?.handBack();
      await stand.quiet();
      expect(first.arrivals.waiting).toBe(0);
      expect((await drain(stand.backend, 2)).sort()).toEqual(['b', 'c']);
      await inbox.submit(requestOf('a'));
      expect(await drain(stand.backend, 1)).toEqual(['a']);
    });

    it('may be stopped and settled from within', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      for (const id of ['a', 'b', 'c']) await inbox.submit(requestOf(id));
      const arrivals = new Arrivals<string>();
      const subscription = await inbox.take({ names: ['order'], limit: 1 }, (delivery) => {
        void delivery.acknowledge();
        if (arrivals.all.length === 1) void subscription.stop();
        arrivals.push(labelOf(delivery));
      });
      const taken = await arrivals.take(2);
      await stand.quiet();
      expect(arrivals.waiting).toBe(0);
      expect([...taken, ...(await drain(stand.backend, 1))].sort()).toEqual(['a', 'b', 'c']);
    });

    it('B6 harms no other taker by one that throws; its delivery lapses', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      const warned = warnings();
      const broken = await inbox.take({ names: ['order'], limit: 1 }, () => {
        throw new Error('a broken taker');
      });
      await inbox.submit(requestOf('a'));
      expect(await warned.next()).toContain('a broken taker');
      await broken.stop();
      const healthy = await taking(inbox, 10);
      await inbox.submit(requestOf('b'));
      expect(labelOf(await healthy.arrivals.next())).toBe('b');
      await stand.pass(stand.settings.ackWait);
      const again = (await healthy.arrivals.take(healthy.arrivals.waiting)).filter((d) => labelOf(d) === 'a');
      expect(again).toMatchObject([{ attempt: 2 }]);
    });
  });
}

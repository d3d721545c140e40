import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../src/backends/index.ts';
import { drain, eventOf, labelOf, requestOf, taking } from './inbox.ts';
import type { Open, Traits } from './stand.ts';

export function lapsingPart(open: Open, { virtualTime }: Traits): void {
  describe('a delivery that lapses', () => {
    it('comes again after ackWait, in the place that it took', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      const { ackWait } = stand.settings;
      expect(inbox.ackWait).toBe(ackWait);
      await inbox.submit(requestOf('t'));
      const { arrivals } = await taking(inbox, 1);
      const first = await arrivals.next();
      await stand.pass(ackWait / 2);
      expect(arrivals.waiting).toBe(0);
      await stand.pass(ackWait / 2);
      const second = await arrivals.next();
      expect([first.attempt, second.attempt]).toEqual([1, 2]);
      await second.acknowledge();
    });

    it('comes again when its taker has stopped, or nobody took meanwhile', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      await inbox.submit(requestOf('t'));
      const one = await taking(inbox, 1);
      await one.arrivals.next();
      await one.subscription.stop();
      await stand.pass(stand.settings.ackWait);
      const other = await taking(inbox, 1);
      expect((await other.arrivals.next()).attempt).toBe(2);
    });

    it('does not lapse while it is kept alive', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      const { ackWait } = stand.settings;
      await inbox.submit(requestOf('kept'));
      await inbox.submit(requestOf('left'));
      const { arrivals } = await taking(inbox, 2);
      const deliveries = await arrivals.take(2);
      const kept = deliveries.find((delivery) => labelOf(delivery) === 'kept');
      for (let beat = 0; beat < 6; beat++) {
        await stand.pass(ackWait / 3);
        kept?.keepAlive();
        for (const other of arrivals.all.slice(2)) other.keepAlive();
      }
      expect((await arrivals.take(arrivals.waiting)).map(labelOf)).toEqual(['left']);
      await stand.pass(ackWait);
      expect((await arrivals.take(2)).map(labelOf).sort()).toEqual(['kept', 'left']);
    });

    it('is lost to its old holder: nothing that one calls does anything', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      const { ackWait } = stand.settings;
      await inbox.submit(requestOf('t'));
      const { arrivals } = await taking(inbox, 2);
      const old = await arrivals.next();
      await stand.pass(ackWait);
      const current = await arrivals.next();
      await old.handBack();
      await old.acknowledge();
      await stand.quiet();
      expect(arrivals.waiting).toBe(0);
      await stand.pass(ackWait / 2);
      void old.keepAlive();
      await stand.pass(ackWait / 2);
      const third = await arrivals.next();
      expect(third.attempt).toBe(3);
      await current.handBack(stand.now() + 100 * ackWait);
      await third.handBack();
      const last = await arrivals.next();
      await last.acknowledge();
      await stand.pass(2 * ackWait);
      expect(arrivals.waiting).toBe(0);
    });

    it('comes before later messages of its task', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      await inbox.deliver(eventOf('t', 'e1'));
      await inbox.deliver(eventOf('t', 'e2'));
      const { arrivals, subscription } = await taking(inbox, 1);
      await arrivals.next();
      await subscription.stop();
      await stand.pass(stand.settings.ackWait);
      expect(await drain(stand.backend, 2)).toEqual(['t/e1', 't/e2']);
    });
  });

  describe.runIf(virtualTime)('any life of deliveries', () => {
    it('B2 ends with each message acknowledged once, and never held by two', async () => {
      const act = fc.record({
        what: fc.constantFrom('acknowledge', 'handBack', 'park', 'keepAlive', 'pass', 'late'),
        which: fc.nat(9),
      });
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 3 }),
          fc.array(act, { maxLength: 40 }),
          async (limit, acts) => {
            await using stand = await open();
            const { inbox } = stand.backend;
            const { ackWait } = stand.settings;
            const held = new Map<string, Delivery>();
            const lost: Delivery[] = [];
            const acknowledged: string[] = [];
            const lastHandedOver = new Map<string, number>();
            const deadlines = new Map<Delivery, number>();
            const onDelivery = (delivery: Delivery): void => {
              const label = labelOf(delivery);
              const before = held.get(label);
              if (before) {
                expect(deadlines.get(before)).toBeLessThanOrEqual(stand.now());
                lost.push(before);
              }
              expect(delivery.attempt).toBe((lastHandedOver.get(label) ?? 0) + 1);
              lastHandedOver.set(label, delivery.attempt);
              held.set(label, delivery);
              deadlines.set(delivery, stand.now() + ackWait);
            };
            await inbox.take({ names: ['order'], limit }, onDelivery);
            await inbox.take({ names: ['order'], limit }, onDelivery);
            const labels = ['t', 't/e0', 't/e1', 'u/e2', 'u/e3', 'u/e4'];
            await inbox.submit(requestOf('t'));
            for (const label of labels.slice(1)) {
              const [taskId = '', eventId = ''] = label.split('/');
              await inbox.deliver(eventOf(taskId, eventId));
            }
            const settle = async (
              label: string,
              how: (delivery: Delivery) => Promise<void>,
            ): Promise<void> => {
              const delivery = held.get(label);
              held.delete(label);
              if (delivery) await how(delivery);
            };
            const forgetLapsed = (): void => {
              for (const [label, delivery] of held) {
                if ((deadlines.get(delivery) ?? 0) > stand.now()) continue;
                lost.push(delivery);
                held.delete(label);
              }
            };
            await stand.quiet();
            for (const { what, which } of acts) {
              forgetLapsed();
              expect(held.size).toBeLessThanOrEqual(2 * limit);
              const label = [...held.keys()][which % Math.max(held.size, 1)] ?? '';
              if (what === 'acknowledge') {
                await settle(label, (delivery) => {
                  acknowledged.push(label);
                  return delivery.acknowledge();
                });
              } else if (what === 'handBack') await settle(label, (delivery) => delivery.handBack());
              else if (what === 'park')
                await settle(label, (delivery) => delivery.handBack(stand.now() + ackWait));
              else if (what === 'late') await lost[which % Math.max(lost.length, 1)]?.acknowledge();
              else if (what === 'pass') await stand.pass(ackWait / 2);
              else {
                const delivery = held.get(label);
                delivery?.keepAlive();
                if (delivery) deadlines.set(delivery, stand.now() + ackWait);
              }
              await stand.quiet();
            }
            for (let rounds = 0; acknowledged.length < labels.length; rounds++) {
              expect(rounds).toBeLessThan(20);
              forgetLapsed();
              for (const label of [...held.keys()]) {
                await settle(label, (delivery) => {
                  acknowledged.push(label);
                  return delivery.acknowledge();
                });
              }
              await stand.pass(ackWait);
            }
            await stand.pass(3 * ackWait);
            expect(held.size).toBe(0);
            expect(acknowledged.sort()).toEqual([...labels].sort());
          },
        ),
        { numRuns: 60 },
      );
    });
  });
}

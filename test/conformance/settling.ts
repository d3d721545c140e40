import { describe, expect, it } from 'vitest';
import { drain, eventOf, labelOf, requestOf, taking } from './inbox.ts';
import { type Open, type Traits, warnings } from './stand.ts';

export function settlingPart(open: Open, { virtualTime }: Traits): void {
  describe('delivery.acknowledge', () => {
    it('removes the message for good', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      await inbox.submit(requestOf('t'));
      const { arrivals } = await taking(inbox, 5);
      await (await arrivals.next()).acknowledge();
      await stand.pass(2 * stand.settings.ackWait);
      expect(arrivals.waiting).toBe(0);
    });

    it('B2 settles once: what is called after it does nothing', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      await inbox.submit(requestOf('t'));
      const { arrivals } = await taking(inbox, 5);
      const delivery = await arrivals.next();
      await delivery.acknowledge();
      await delivery.handBack();
      delivery.keepAlive();
      await delivery.acknowledge();
      await stand.pass(2 * stand.settings.ackWait);
      expect(arrivals.waiting).toBe(0);
    });
  });

  describe('delivery.refuse', () => {
    it('B2 removes the message for good, and settles once', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      // What NATS warns of.
      warnings();
      await inbox.submit(requestOf('t'));
      const { arrivals } = await taking(inbox, 5);
      const delivery = await arrivals.next();
      await delivery.refuse('Nobody can read it.');
      await delivery.handBack();
      await delivery.refuse('Nobody can read it.');
      await stand.pass(2 * stand.settings.ackWait);
      expect(arrivals.waiting).toBe(0);
      await inbox.submit(requestOf('t'));
      expect((await arrivals.next()).attempt).toBe(1);
    });
  });

  describe('delivery.handBack', () => {
    it('B2 hands over again at once, counts the attempt, and settles once', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      await inbox.submit(requestOf('t'));
      const { arrivals } = await taking(inbox, 1);
      const first = await arrivals.next();
      await first.handBack();
      await first.acknowledge();
      await first.handBack(stand.now() + 60_000);
      const second = await arrivals.next();
      expect([first.attempt, second.attempt]).toEqual([1, 2]);
      await second.handBack(stand.now() - 1_000);
      expect((await arrivals.next()).attempt).toBe(3);
      await stand.quiet();
      expect(arrivals.waiting).toBe(0);
    });

    it('gives the message to another taker', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      await inbox.submit(requestOf('t'));
      const one = await taking(inbox, 1);
      const first = await one.arrivals.next();
      await one.subscription.stop();
      const other = await taking(inbox, 1);
      await stand.quiet();
      expect(other.arrivals.waiting).toBe(0);
      await first.handBack();
      expect(labelOf(await other.arrivals.next())).toBe('t');
    });

    it('hands over again not before the time, and then', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      const wait = 2 * stand.settings.ackWait;
      await inbox.submit(requestOf('t'));
      const { arrivals } = await taking(inbox, 1);
      const until = stand.now() + wait;
      await (await arrivals.next()).handBack(until);
      await stand.pass(wait / 2);
      expect(arrivals.waiting).toBe(0);
      await stand.pass(wait / 2);
      const second = await arrivals.next();
      expect(stand.now()).toBeGreaterThanOrEqual(until);
      expect(second.attempt).toBe(2);
    });

    it.runIf(virtualTime)(
      'hands over again at the millisecond, however far it is, taker or not',
      async () => {
        await using stand = await open();
        const { inbox } = stand.backend;
        const waits = [1, 59_999, 2 ** 31 - 1, 2 ** 31, 60 * 86_400_000, 2 ** 40];
        for (const wait of waits) {
          await inbox.submit(requestOf('t'));
          const { arrivals, subscription } = await taking(inbox, 1);
          await (await arrivals.next()).handBack(stand.now() + wait);
          await stand.pass(wait - 1);
          expect(arrivals.waiting).toBe(0);
          await stand.pass(1);
          await (await arrivals.next()).handBack(stand.now() + wait);
          await subscription.stop();
          await stand.pass(wait);
          expect(await drain(stand.backend, 1)).toEqual(['t']);
        }
      },
    );

    it('keeps its place before later messages of its task', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      await inbox.submit(requestOf('t'));
      await inbox.deliver(eventOf('t', 'e1'));
      await inbox.deliver(eventOf('t', 'e2'));
      const { arrivals, subscription } = await taking(inbox, 1);
      const first = await arrivals.next();
      await subscription.stop();
      await first.handBack();
      expect(await drain(stand.backend, 3)).toEqual(['t', 't/e1', 't/e2']);
    });

    it('keeps its place once it is due', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      const { ackWait } = stand.settings;
      for (const eventId of ['e1', 'e2', 'e3']) await inbox.deliver(eventOf('t', eventId));
      const { arrivals } = await taking(inbox, 1);
      await (await arrivals.next()).handBack(stand.now() + ackWait / 2);
      const second = await arrivals.next();
      expect(labelOf(second)).toBe('t/e2');
      await stand.pass(ackWait / 2);
      await second.acknowledge();
      const third = await arrivals.next();
      expect(labelOf(third)).toBe('t/e1');
      await third.acknowledge();
      expect(labelOf(await arrivals.next())).toBe('t/e3');
    });

    it('holds up no later message of the task, nor does one that is held', async () => {
      await using stand = await open();
      const { inbox } = stand.backend;
      await inbox.submit(requestOf('t'));
      const { arrivals } = await taking(inbox, 2);
      const request = await arrivals.next();
      await inbox.deliver(eventOf('t', 'e1'));
      const event = await arrivals.next();
      expect(labelOf(event)).toBe('t/e1');
      await request.handBack(stand.now() + 10 * stand.settings.ackWait);
      await inbox.deliver(eventOf('t', 'e2'));
      expect(labelOf(await arrivals.next())).toBe('t/e2');
      await event.acknowledge();
    });

    it('B5 refuses what is no time, and the delivery is still to settle', async () => {
      await using stand = await open();
      await stand.backend.inbox.submit(requestOf('t'));
      const { arrivals } = await taking(stand.backend.inbox, 1);
      const delivery = await arrivals.next();
      for (const until of [Number.NaN, Number.POSITIVE_INFINITY]) {
        await expect(delivery.handBack(until)).rejects.toMatchObject({
          name: 'MalformedError',
          argument: 'until',
        });
      }
      await delivery.handBack();
      expect((await arrivals.next()).attempt).toBe(2);
    });
  });
}

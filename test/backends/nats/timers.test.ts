import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Connection } from '../../../src/backends/nats/connection.ts';
import { inboxStreams } from '../../../src/backends/nats/inbox-streams.ts';
import { parseNatsOptions } from '../../../src/backends/nats/options.ts';
import { Streams } from '../../../src/backends/nats/streams.ts';
import { Timers } from '../../../src/backends/nats/timers.ts';
import { eventOf, labelOf, requestOf } from '../../conformance/inbox.ts';
import { repeated } from './cable.ts';
import { inboxStand, takeFrom, until } from './inbox-stand.ts';

/** Everything that is handed back until a time lies in the timers. */
const FAR = { shortWait: 0 } as const;

/** An event's id that no subject holds. */
const odd = 'ein Ereignis – mit Ümläuten';

describe('timers', () => {
  it('T3 bring a message back not before its time and within a second after, its attempts counted on', async () => {
    await using stand = await inboxStand();
    const backend = await stand.open(FAR);
    await backend.inbox.submit(requestOf('t'));
    await backend.inbox.deliver(eventOf('t', odd));
    const { arrivals } = await takeFrom(backend, 2);
    let due = 0;
    for (let attempt = 1; attempt <= 3; attempt++) {
      const held = await arrivals.take(2);
      for (const { delivery, at } of held) {
        expect(delivery.attempt).toBe(attempt);
        expect(at).toBeGreaterThanOrEqual(due);
        if (attempt > 1) expect(at).toBeLessThan(due + 1_000);
      }
      expect(held.map(({ delivery }) => labelOf(delivery)).sort()).toEqual(['t', `t/${odd}`]);
      due = Date.now() + 700;
      await Promise.all(held.map(({ delivery }) => delivery.handBack(due)));
    }
  });

  it('T1 hold what has left the inbox', async () => {
    await using stand = await inboxStand();
    const backend = await stand.open(FAR);
    await backend.inbox.submit(requestOf('t'));
    const { arrivals, subscription } = await takeFrom(backend, 1);
    const { delivery } = await arrivals.next();
    await delivery.handBack(Date.now() + 30 * 86_400_000);
    expect(await stand.count('TASKCHART_INBOX')).toBe(0);
    expect(await stand.count('TASKCHART_TIMERS')).toBe(1);
    expect(await stand.count('TASKCHART_SLOTS')).toBe(1);
    await subscription.stop();
  });

  it('T2 close a slot once it is over and empty, and open it again for what comes late', async () => {
    await using stand = await inboxStand();
    const settings = parseNatsOptions({ servers: stand.server.url, ackWait: 1_000 });
    const backend = await stand.open();
    const connection = await Connection.open(settings);
    const timers = new Timers({
      connection,
      streams: new Streams(connection, settings),
      names: inboxStreams(settings),
      settings,
      slot: 500,
    });
    await timers.start();
    const slot = Math.floor(Date.now() / 500) + 1;
    const park = (taskId: string): Promise<void> => {
      const letter = {
        head: { kind: 'request', taskId, name: 'order' },
        body: 1,
        text: '1',
        attemptsBefore: 0,
      } as const;
      return timers.add('test', { letter, attempt: 1, sequence: 1 }, slot * 500 + 10);
    };
    const isEmpty = async (): Promise<boolean> =>
      (await stand.count('TASKCHART_TIMERS')) + (await stand.count('TASKCHART_SLOTS')) === 0 &&
      (await stand.api<{ total: number }>('CONSUMER.NAMES.TASKCHART_TIMERS')).total === 0;
    for (const taskId of ['in-time', 'late']) {
      await park(taskId);
      expect(await isEmpty()).toBe(false);
      await until(`nothing is left of the slot of ${taskId}`, isEmpty);
    }
    const { arrivals } = await takeFrom(backend, 2);
    expect((await arrivals.take(2)).map(({ delivery }) => labelOf(delivery))).toEqual(['in-time', 'late']);
    await timers.stop();
    await connection.close();
  });

  it('know an event that waits in them', async () => {
    await using stand = await inboxStand();
    const backend = await stand.open(FAR);
    await backend.inbox.deliver(eventOf('t', 'e1'));
    const { arrivals } = await takeFrom(backend, 1);
    await (await arrivals.next()).delivery.handBack(Date.now() + 60_000);
    expect(await backend.inbox.deliver(eventOf('t', 'e1'))).toEqual({ duplicate: true });
  });

  it('T2 bring back at once what came due while nobody was there', async () => {
    await using stand = await inboxStand();
    const first = await stand.open(FAR);
    await first.inbox.submit(requestOf('t'));
    const { arrivals } = await takeFrom(first, 1);
    const due = Date.now() + 300;
    await (await arrivals.next()).delivery.handBack(due);
    await first.close();
    await sleep(due - Date.now());
    const second = await takeFrom(await stand.open(FAR), 1);
    const { delivery } = await second.arrivals.next();
    expect([labelOf(delivery), delivery.attempt]).toEqual(['t', 2]);
  });

  it('T4 bring each message back once, whoever works on them', async () => {
    await using stand = await inboxStand();
    const count = 300;
    const workers = await Promise.all([1, 2, 3].map(() => stand.open({ ...FAR, ackWait: 5_000 })));
    const takers = await Promise.all(workers.map((backend) => takeFrom(backend, count)));
    await Promise.all(Array.from({ length: count }, (_, n) => workers[0]?.inbox.submit(requestOf(`t${n}`))));
    const all = () => takers.flatMap(({ arrivals }) => arrivals.all);
    await until('all were taken', () => all().length === count);
    const due = new Map<string, number>();
    await Promise.all(
      all().map(({ delivery }, n) => {
        const time = Date.now() + 1_000 + (n % 100) * 10;
        due.set(labelOf(delivery), time);
        return delivery.handBack(time);
      }),
    );
    await until('all were taken again', () => all().length >= 2 * count);
    await sleep(300);
    const again = takers.flatMap(({ arrivals }) =>
      arrivals.all.filter(({ delivery }) => delivery.attempt > 1),
    );
    expect(again.map(({ delivery }) => labelOf(delivery)).sort()).toEqual([...due.keys()].sort());
    const lateness = again.map(({ delivery, at }) => at - (due.get(labelOf(delivery)) ?? 0));
    expect(Math.min(...lateness)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...lateness)).toBeLessThan(1_000);
  });

  it('T3 bring back no more a second than they may', async () => {
    await using stand = await inboxStand();
    const backend = await stand.open({ ...FAR, ackWait: 5_000, restoresPerSecond: 100 });
    const { arrivals } = await takeFrom(backend, 300);
    await Promise.all(Array.from({ length: 150 }, (_, n) => backend.inbox.submit(requestOf(`t${n}`))));
    const due = Date.now() + 1_500;
    await Promise.all((await arrivals.take(150)).map(({ delivery }) => delivery.handBack(due)));
    const [first, ...more] = await arrivals.take(75);
    // Others come meanwhile.
    const sent = Date.now();
    await backend.inbox.submit(requestOf('new'));
    const rest = await arrivals.take(76);
    const fresh = rest.find(({ delivery }) => labelOf(delivery) === 'new');
    expect((fresh?.at ?? 0) - sent).toBeLessThan(300);
    expect(more).toHaveLength(74);
    expect((rest.at(-1)?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(1_400);
  });

  it('T1 make of a message that was put into them twice for one time one wake-up', async () => {
    await using stand = await inboxStand();
    const backend = await stand.open(FAR);
    const { arrivals } = await takeFrom(backend, 1);
    const due = Date.now() + 1_200;
    for (let times = 1; times <= 2; times++) {
      // The second time as if the process had died before the message left the inbox.
      await backend.inbox.submit(requestOf('t'));
      await (await arrivals.next()).delivery.handBack(due);
      expect(await stand.count('TASKCHART_TIMERS')).toBe(times);
    }
    const { delivery, at } = await arrivals.next();
    expect(at).toBeGreaterThanOrEqual(due);
    await until('both are gone', async () => (await stand.count('TASKCHART_TIMERS')) === 0);
    await delivery.acknowledge();
    await sleep(300);
    expect(arrivals.waiting).toBe(0);
  });

  it('T1 T3 lose nothing, and bring nothing early, when their server is killed', async () => {
    await using stand = await inboxStand();
    const backend = await stand.open({ shortWait: 1_500, ackWait: 1_000 });
    const count = 40;
    const { arrivals } = await takeFrom(backend, count);
    await Promise.all(Array.from({ length: count }, (_, n) => backend.inbox.submit(requestOf(`t${n}`))));
    const start = Date.now();
    const due = new Map<string, number>();
    await Promise.all(
      (await arrivals.take(count)).map(({ delivery }, n) => {
        // Some wait with the server itself, some here.
        const time = start + 500 + n * 60;
        due.set(labelOf(delivery), time);
        return delivery.handBack(time);
      }),
    );
    for (const pause of [700, 700]) {
      await sleep(pause);
      await stand.server.end('SIGKILL');
      await stand.server.start();
    }
    const again = new Set<string>();
    while (again.size < count) {
      const { delivery, at } = await arrivals.next();
      const label = labelOf(delivery);
      expect(at, label).toBeGreaterThanOrEqual(due.get(label) ?? Number.POSITIVE_INFINITY);
      again.add(label);
      await repeated(() => delivery.acknowledge());
    }
  });
});

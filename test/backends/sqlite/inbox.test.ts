import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../../src/backends/index.ts';
import { eventOf, labelOf, requestOf, taking } from '../../conformance/inbox.ts';
import { openOpenly } from './folder.ts';

/** Puts many messages into the file, faster than by asking. */
async function openWith(insert: string) {
  const open = await openOpenly();
  open.db.exec(`WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n LIMIT 100000) ${insert}`);
  return open;
}

async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await turn();
}

/** Bytes on the heap that are in use. */
function heap(): number {
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  gc();
  return process.memoryUsage().heapUsed;
}

const INSERT = 'INSERT INTO messages SELECT n,';
const FAR = Date.UTC(2030, 0, 1);

describe('the inbox of the SQLite backend', () => {
  it.each([
    ['parked until a far time', `${INSERT} 't' || n, '', 'order', 0, ${FAR}, '1' FROM n`],
    ['ready, and not taken', `${INSERT} 't' || n, '', 'other', 0, NULL, '1' FROM n`],
    ['ready, and have to wait for a place', `${INSERT} 't' || n, '', 'order', 0, NULL, '1' FROM n`],
    ['due at once', `${INSERT} 't' || n, '', 'order', 0, 1, '1' FROM n`],
    ['of one task', `${INSERT} 't', 'e' || n, 'order', 0, NULL, '1' FROM n`],
  ])('costs no memory for 100,000 messages that are %s', async (_, insert) => {
    await using open = await openWith(insert);
    await turns(5);
    const before = heap();
    const { arrivals } = await taking(open.backend.inbox, 10);
    await turns(500);
    // A letter in memory costs 200 bytes or more: a hundred thousand, 20 MB.
    expect(heap() - before).toBeLessThan(3_000_000);
    expect(arrivals.all.length).toBeLessThanOrEqual(10);
  });

  it('hands over all that is due at once, though it is made ready so many at a time', async () => {
    await using open = await openWith(
      `${INSERT} 't' || n, '', 'order', 0, 1 + n % 7, '1' FROM n WHERE n <= 5000`,
    );
    const seen = new Set<string>();
    const done = Promise.withResolvers<void>();
    await open.backend.inbox.take({ names: ['order'], limit: 100 }, (delivery) => {
      seen.add(delivery.message.taskId);
      void delivery.acknowledge();
      if (seen.size === 5_000) done.resolve();
    });
    await done.promise;
  });

  it('hands over once what becomes due in the turn in which another message is stored', async () => {
    await using open = await openOpenly();
    const { backend, clock } = open;
    await backend.inbox.submit(requestOf('parked'));
    const first = await taking(backend.inbox, 1);
    await (await first.arrivals.next()).handBack(clock.now() + 1_000);
    await first.subscription.stop();
    clock.increment(1_000);
    const sent = backend.inbox.submit(requestOf('new'));
    const { arrivals } = await taking(backend.inbox, 10);
    await sent;
    await turns(10);
    expect(arrivals.all.map(labelOf).sort()).toEqual(['new', 'parked']);
  });

  it('keeps the order of a task whose messages are spread over more than is in memory', async () => {
    await using open = await openWith(
      `${INSERT} 't' || (n % 3), 'e' || n, 'order', 0, CASE n % 5 WHEN 0 THEN 1 END, '1' FROM n WHERE n <= 3000`,
    );
    const seen = new Map<string, number[]>();
    const done = Promise.withResolvers<void>();
    let count = 0;
    await turns(1);
    await open.backend.inbox.take({ names: ['order'], limit: 1 }, async (delivery) => {
      const { message } = delivery;
      const number = message.kind === 'event' ? Number(message.eventId.slice(1)) : 0;
      seen.set(message.taskId, [...(seen.get(message.taskId) ?? []), number]);
      await delivery.acknowledge();
      if (++count === 3_000) done.resolve();
    });
    await done.promise;
    expect(seen.size).toBe(3);
    // What is due is made ready in the first turns; from then on each task's messages come in their order.
    for (const numbers of seen.values()) {
      const settled = numbers.slice(30);
      expect(settled).toEqual([...settled].sort((a, b) => a - b));
    }
  });

  it('lets all tasks have their turn, though more than are in memory are handed back again and again', async () => {
    await using open = await openWith(`${INSERT} 't' || n, '', 'order', 0, NULL, '1' FROM n WHERE n <= 3000`);
    const seen = new Set<string>();
    const done = Promise.withResolvers<void>();
    const subscription = await open.backend.inbox.take({ names: ['order'], limit: 200 }, (delivery) => {
      seen.add(delivery.message.taskId);
      void delivery.handBack();
      if (seen.size === 3_000) done.resolve();
    });
    await done.promise;
    await subscription.stop();
  });

  it('begins again at the front when more is handed back than it keeps in memory', async () => {
    await using open = await openWith(
      `${INSERT} 't' || n, '', 'order', 0, NULL, '1' FROM n WHERE n <= 20000`,
    );
    const { inbox } = open.backend;
    const held: Delivery[] = [];
    const all = Promise.withResolvers<void>();
    await inbox.take({ names: ['order'], limit: 20_000 }, (delivery) => {
      held.push(delivery);
      if (held.length === 20_000) all.resolve();
    });
    await all.promise;
    const again = new Set<string>();
    const done = Promise.withResolvers<void>();
    const before = held.length;
    for (const delivery of held.splice(0)) void delivery.handBack();
    const wait = async (): Promise<void> => {
      while (again.size < before) {
        for (const delivery of held.splice(0)) again.add(delivery.message.taskId);
        await turn();
      }
      done.resolve();
    };
    await wait();
    await done.promise;
    expect(again.size).toBe(20_000);
  });

  it('counts no attempt for a taker that stops before it gets what was picked for it', async () => {
    await using open = await openOpenly();
    const { inbox } = open.backend;
    await inbox.submit(requestOf('t'));
    const stopped = await taking(inbox, 1);
    await stopped.subscription.stop();
    const { arrivals } = await taking(inbox, 1);
    expect((await arrivals.next()).attempt).toBe(1);
    expect(stopped.arrivals.all).toEqual([]);
    await turns(5);
    expect(open.db.prepare('SELECT attempt FROM messages').get()).toEqual({ attempt: 1 });
  });

  it('B1 hands nothing over before its attempt is in the file', async () => {
    await using open = await openOpenly();
    const { inbox } = open.backend;
    await inbox.submit(requestOf('t'));
    const attempts: unknown[] = [];
    const done = Promise.withResolvers<void>();
    await inbox.take({ names: ['order'], limit: 1 }, async (delivery) => {
      attempts.push([delivery.attempt, open.db.prepare('SELECT attempt FROM messages').get()]);
      if (delivery.attempt === 3) done.resolve();
      else await delivery.handBack();
    });
    await done.promise;
    expect(attempts).toEqual([1, 2, 3].map((attempt) => [attempt, { attempt }]));
  });

  it('keeps a place taken until what settles it is durable', async () => {
    await using open = await openOpenly();
    const { inbox } = open.backend;
    for (const eventId of ['e1', 'e2']) await inbox.deliver(eventOf('t', eventId));
    const count = () => open.db.prepare('SELECT count(*) AS n FROM messages').get()?.n;
    const told: string[] = [];
    const done = Promise.withResolvers<void>();
    await inbox.take({ names: ['order'], limit: 1 }, async (delivery) => {
      told.push(labelOf(delivery));
      await turn();
      const settled = delivery.acknowledge();
      expect(count()).toBe(told.length === 1 ? 2 : 1);
      await settled;
      told.push('gone');
      expect(count()).toBe(told.length === 2 ? 1 : 0);
      if (told.length === 4) done.resolve();
    });
    await done.promise;
    expect(told).toEqual(['t/e1', 'gone', 't/e2', 'gone']);
  });
});

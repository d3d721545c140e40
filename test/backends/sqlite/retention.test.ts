import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Backend, IncomingMessage } from '../../../src/backends/index.ts';
import { pragma } from '../../../src/backends/sqlite/schema.ts';
import { drain, eventOf } from '../../conformance/inbox.ts';
import { Arrivals, collect, DAY } from '../../conformance/stand.ts';
import { openOpenly } from './folder.ts';

const HOUR = 60 * 60 * 1000;
const padding = 'x'.repeat(1_000);

async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await turn();
}

/** What a day of work leaves in the file. */
async function work({ journal, inbox, events, blobs }: Backend, day: number): Promise<void> {
  const hash = await blobs.put([day, 'x'.repeat(20_000)]);
  await Promise.all(
    Array.from({ length: 60 }, async (_, n) => {
      const taskId = `t-${day}-${n}`;
      const commit = { id: 'c1', writer: 'w', entries: [padding], blobs: [hash] };
      const first = await journal.append(taskId, 0, commit);
      await journal.append(taskId, first, { ...commit, id: 'c2', closing: true });
      await inbox.deliver(eventOf(taskId, 'e'));
      await events.publish({ subject: `orders.created.${taskId}`, id: taskId, body: padding });
    }),
  );
  await drain({ inbox } as Backend, 60);
}

describe('retention of the SQLite backend', () => {
  it('stops the file from growing under steady work, and leaves records', async () => {
    await using open = await openOpenly({ retention: 2 * DAY });
    const { db, backend, clock } = open;
    await backend.records.create('orders.1', 1);
    const pages: number[] = [];
    for (let day = 0; day < 20; day++) {
      await work(backend, day);
      clock.increment(DAY);
      await turns(30);
      pages.push(pragma(db, 'page_count'));
    }
    expect(pages[1]).toBeGreaterThan(1.5 * (pages[0] ?? 0));
    expect(pages[19]).toBeLessThanOrEqual(1.1 * (pages[6] ?? 0));
    const rows = (table: string) => db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n;
    expect(['journals', 'commits', 'blob_uses', 'published', 'acknowledged_events'].map(rows)).toEqual([
      120, 240, 120, 120, 120,
    ]);
    expect(['blobs', 'dropped_journals', 'messages', 'records'].map(rows)).toEqual([2, 0, 0, 1]);
  });

  it('drops a long journal as a whole, and its rows beside other work', async () => {
    await using open = await openOpenly();
    const { db, backend, clock, settings } = open;
    const { journal } = backend;
    let last = 0;
    for (let n = 0; n < 1_600; n++) {
      last = await journal.append('t', last, {
        id: `c${n}`,
        writer: 'w',
        entries: [n],
        closing: n === 1_599,
      });
    }
    clock.increment(settings.retention + DAY);
    const left = () => Number(db.prepare('SELECT count(*) AS n FROM commits').get()?.n);
    const lefts = new Set<number>();
    while (left() > 0) {
      lefts.add(left());
      const seen = await collect(journal.read('t'));
      expect([0, 1_600]).toContain(seen.length);
      if (seen.length === 0) expect(await journal.last('t')).toBeUndefined();
      await backend.records.create(`r.${left()}`, 1);
    }
    expect(lefts.size).toBeGreaterThan(3);
    expect(await journal.append('t', 0, { id: 'c', writer: 'w', entries: [1] })).toBeGreaterThan(last);
    expect(await collect(journal.read('t'))).toHaveLength(1);
  });

  it('gives the room of a great many back to the system', async () => {
    await using open = await openOpenly();
    const { db, backend, clock, settings } = open;
    await Promise.all(
      Array.from({ length: 1_000 }, (_, n) =>
        backend.events.publish({ subject: `orders.${n}`, id: 'm', body: 'x'.repeat(60_000) }),
      ),
    );
    const full = pragma(db, 'page_count');
    expect(full).toBeGreaterThan(14_000);
    clock.increment(settings.retention + DAY);
    for (let n = 0; pragma(db, 'page_count') * 2 > full; n++) {
      expect(n).toBeLessThan(1_000);
      await turn();
    }
  });

  it('lets subscribers go by what is gone', async () => {
    await using open = await openOpenly();
    const { backend, clock, settings } = open;
    const publish = (n: number) => backend.events.publish({ subject: 'orders.a.x', id: `m${n}`, body: n });
    for (let n = 0; n < 5_000; n++) void publish(n);
    await publish(5_000);
    clock.increment(settings.retention + DAY);
    await turns(30);
    await publish(5_001);
    for (const filter of ['orders.>', 'orders.*.x', 'orders.a.x']) {
      const arrivals = new Arrivals<IncomingMessage>();
      await backend.events.subscribe(filter, { start: 'all' }, arrivals.push);
      expect((await arrivals.next()).id).toBe('m5001');
    }
  });

  it('keeps no process alive, and is over when it is closed', async () => {
    const open = await openOpenly();
    await open.backend.close();
    open.clock.increment(HOUR);
    await turns(3);
    expect(open.db.isOpen).toBe(false);
  });
});

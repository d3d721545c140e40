import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Delivery, IncomingMessage } from '../../../src/backends/index.ts';
import { sqliteBackend } from '../../../src/backends/sqlite/index.ts';
import { pragma } from '../../../src/backends/sqlite/schema.ts';
import { Arrivals, collect, warnings } from '../../conformance/stand.ts';
import { makeFolder, openOpenly } from './folder.ts';
import { start } from './process.ts';

const large = 'x'.repeat(60_000);
const commitOf = (id: string, entry = large) => ({ id, writer: 'w', entries: [entry] });
const unavailable = (call: string) => ({
  name: 'UnavailableError',
  message: expect.stringMatching(`No answer to ${call}: database or disk is full`),
  cause: { code: 'ERR_SQLITE_ERROR', errcode: 13 },
});

/** Lets the file grow by no page more, as a full disk does. */
function fill(db: DatabaseSync): void {
  db.exec(`PRAGMA max_page_count = ${pragma(db, 'page_count')}`);
}

function makeRoom(db: DatabaseSync): void {
  db.exec('PRAGMA max_page_count = 1000000');
}

describe('a disk without room', () => {
  it('B1 fails what needs room, breaks nothing, and the same calls do once there is room', async () => {
    await using open = await openOpenly();
    const { db, backend } = open;
    const { journal, inbox, events, records, blobs } = backend;
    const first = await journal.append('t', 0, commitOf('c1'));
    fill(db);
    const calls: [string, () => Promise<unknown>][] = [
      ['journal.append', () => journal.append('t', first, commitOf('c2'))],
      ['inbox.submit', () => inbox.submit({ taskId: 't', name: 'order', body: large })],
      ['inbox.deliver', () => inbox.deliver({ taskId: 't', name: 'order', eventId: 'e', body: large })],
      ['events.publish', () => events.publish({ subject: 'orders.a', id: 'm', body: large })],
      ['records.create', () => records.create('a', large)],
      ['blobs.put', () => blobs.put(large)],
    ];
    for (const [call, ask] of calls) await expect(ask(), call).rejects.toMatchObject(unavailable(call));
    const together = await Promise.allSettled(calls.map(([, ask]) => ask()));
    expect(together.map(({ status }) => status)).toEqual(calls.map(() => 'rejected'));
    expect((await journal.last('t'))?.sequence).toBe(first);
    expect(await records.read('a')).toBeUndefined();
    expect(db.isTransaction).toBe(false);
    makeRoom(db);
    const answers = await Promise.all(calls.map(([, ask]) => ask()));
    expect(answers[1]).toBeUndefined();
    expect(answers[2]).toEqual({ duplicate: false });
    expect(answers[3]).toMatchObject({ duplicate: false });
    expect(answers[4]).toMatchObject({ created: true });
    expect((await collect(journal.read('t'))).map(({ id }) => id)).toEqual(['c1', 'c2']);
    expect(db.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
  });

  it('B3 does what fits beside what does not, and knows afterwards which commit is the last', async () => {
    await using open = await openOpenly();
    const { db, backend } = open;
    const { journal } = backend;
    const first = await journal.append('t', 0, commitOf('c1', 'small'));
    fill(db);
    const outcomes = await Promise.allSettled([
      journal.append('t', first, commitOf('c2', 'small')),
      journal.append('u', 0, commitOf('c1')),
      journal.append('t', first, commitOf('c3', 'small')),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(outcomes[1]).toMatchObject({ reason: unavailable('journal.append') });
    expect(outcomes[2]).toMatchObject({ reason: { name: 'JournalConflictError' } });
    makeRoom(db);
    const second = await journal.last('t');
    expect(second?.id).toBe('c2');
    await expect(journal.append('u', 1, commitOf('c1'))).rejects.toMatchObject({ sequence: 0 });
    await journal.append('u', 0, commitOf('c1'));
    await journal.append('t', second?.sequence ?? 0, commitOf('c3'));
  });

  it('keeps deliveries held whose settling failed, and hands over again what it could not', async () => {
    await using open = await openOpenly();
    const { db, backend, clock } = open;
    const { inbox, events } = backend;
    const arrivals = new Arrivals<Delivery>();
    for (const taskId of ['a', 'b']) await inbox.submit({ taskId, name: 'order', body: 1 });
    await inbox.deliver({ taskId: 'a', name: 'order', eventId: 'e', body: 1 });
    await inbox.take({ names: ['order'], limit: 2 }, arrivals.push);
    const [a, b] = await arrivals.take(2);
    const handled = new Arrivals<IncomingMessage>();
    await events.subscribe('orders.>', { name: 'mailer' }, handled.push);
    const warned = warnings();
    // Nothing at all can be written: the most that a real disk without room does.
    db.exec('PRAGMA query_only = 1');
    await expect(a?.acknowledge()).rejects.toMatchObject({ name: 'UnavailableError' });
    await expect(b?.handBack(clock.now() + 1)).rejects.toMatchObject({ name: 'UnavailableError' });
    await b?.handBack();
    expect(await warned.next()).toContain('The inbox could not hand over messages');
    for (let turns = 0; turns < 5; turns++) await turn();
    expect(arrivals.waiting).toBe(0);
    db.exec('PRAGMA query_only = 0');
    await a?.acknowledge();
    clock.increment(1_000);
    const again = await arrivals.take(2);
    expect(again.map(({ message, attempt }) => [message.taskId, message.kind, attempt]).sort()).toEqual([
      ['a', 'event', 1],
      ['b', 'request', 2],
    ]);
    await events.publish({ subject: 'orders.a', id: 'm', body: 1 });
    expect((await handled.next()).id).toBe('m');
  });

  it('B1 promises nothing that only the COMMIT finds no room for, also in a real file that may not grow', async () => {
    const file = join(makeFolder(), 'test.db');
    await (await sqliteBackend({ file })).close();
    // Writing beyond so many blocks fails; ignoring the signal makes it an error of the call.
    await using other = start('fill', file, `trap '' XFSZ; ulimit -f 1000`);
    const lines: string[] = [];
    for (let line = await other.lines.next(); line.startsWith('append'); line = await other.lines.next()) {
      lines.push(line);
    }
    expect(lines.length).toBeGreaterThan(10);
    const [failure, again, last] = other.lines.all.slice(lines.length).concat(await other.lines.take(2));
    expect(JSON.parse(failure ?? '')).toMatchObject({
      name: 'UnavailableError',
      cause: expect.stringMatching(/disk I\/O error|disk is full/),
    });
    expect(JSON.parse(again ?? '')).toMatchObject({ name: 'UnavailableError' });
    expect(last).toBe('c undefined');
    await other.end();
    await using backend = await sqliteBackend({ file });
    for (let n = 0; n < lines.length; n++) expect(await backend.journal.last(`t${n}`)).toBeDefined();
    expect(await backend.journal.last(`t${lines.length}`)).toBeUndefined();
    await backend.journal.append(`t${lines.length}`, 0, commitOf('c'));
  });
});

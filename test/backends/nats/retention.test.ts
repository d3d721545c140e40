import { nuid } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Commit, Journal, StoredCommit } from '../../../src/backends/index.ts';
import { createStream, streamInfo } from '../../../src/backends/nats/streams.ts';
import { accounts } from '../../conformance/accounts.ts';
import { Arrivals, collect } from '../../conformance/stand.ts';
import { type NatsServer, startNatsServer } from './nats-server.ts';
import { AheadOfTime, openOpenly } from './openly.ts';

const HOUR = 60 * 60 * 1000;

let server: NatsServer;
let used = 0;
beforeAll(async () => {
  server = await startNatsServer({ configuration: accounts(20) });
});
afterAll(() => server[Symbol.asyncDispose]());

type Worker = Awaited<ReturnType<typeof openOpenly>>;

/** Workers of one account, that all live by one time. */
async function workers(count: number) {
  const options = { servers: server.url, user: `a${used++}`, password: 'secret' };
  const time = new AheadOfTime();
  const opened: Worker[] = [];
  for (let n = 0; n < count; n++) opened.push(await openOpenly(options, time));
  const [first, second] = opened;
  if (!first) throw new Error('There is no worker.');
  const dispose = async (): Promise<void> => {
    for (const { backend } of opened) await backend.close();
  };
  return { time, first, second: second ?? first, [Symbol.asyncDispose]: dispose };
}

const commitOf = (id: string, more: Partial<Commit> = {}): Commit => ({
  id,
  writer: 'writer-1',
  entries: [{ entry: id }],
  ...more,
});

async function turnOver({ generations }: Worker): Promise<void> {
  await generations.refresh();
  await generations.turnOver(generations.open);
}

const read = (journal: Journal, taskId: string): Promise<StoredCommit[]> => collect(journal.read(taskId));

describe('generations of journals', () => {
  it('G1 G3 lets one append win over a turn of generations, whatever a worker believes', async () => {
    await using stand = await workers(2);
    const { first, second } = stand;
    const one = await first.backend.journal.append('t', 0, commitOf('c1'));
    expect(await collect(second.backend.journal.read('t'))).toHaveLength(1);
    const two = await first.backend.journal.append('t', one, commitOf('c2', { writer: 'winner' }));
    await turnOver(first);
    const conflict = { name: 'JournalConflictError', sequence: two, writer: 'winner' };
    await expect(second.backend.journal.append('t', one, commitOf('c3'))).rejects.toMatchObject(conflict);
    await expect(second.backend.journal.append('t', 0, commitOf('c4'))).rejects.toMatchObject(conflict);
    await turnOver(second);
    await expect(first.backend.journal.append('t', one, commitOf('c5'))).rejects.toMatchObject(conflict);
    const three = await first.backend.journal.append('t', two, commitOf('c6'));
    expect((await read(second.backend.journal, 't')).map(({ sequence }) => sequence)).toEqual([
      one,
      two,
      three,
    ]);
    expect(three).toBeGreaterThan(two);
  });

  it('B2 finds a repeated append in the generation that it was stored in', async () => {
    await using stand = await workers(2);
    const { first, second } = stand;
    const one = await first.backend.journal.append('t', 0, commitOf('c1'));
    const two = await first.backend.journal.append('t', one, commitOf('c2'));
    await turnOver(second);
    expect(await first.backend.journal.append('t', one, commitOf('c2'))).toBe(two);
    expect(await second.backend.journal.append('t', 0, commitOf('c1'))).toBe(one);
    await turnOver(first);
    expect(await second.backend.journal.append('t', one, commitOf('c2'))).toBe(two);
    expect(await read(first.backend.journal, 't')).toHaveLength(2);
  });

  it('never reads what another worker has left behind', async () => {
    await using stand = await workers(2);
    const { first, second } = stand;
    const seen = new Arrivals<StoredCommit>();
    await second.backend.journal.follow('t', 0, seen.push);
    const one = await first.backend.journal.append('t', 0, commitOf('c1'));
    expect(await second.backend.journal.last('t')).toMatchObject({ sequence: one });
    await turnOver(first);
    const two = await first.backend.journal.append('t', one, commitOf('c2'));
    expect(await second.backend.journal.last('t')).toMatchObject({ sequence: two });
    await turnOver(first);
    const hash = await first.backend.blobs.put('value');
    expect(await second.backend.blobs.read(hash)).toBe('value');
    await turnOver(first);
    await first.backend.journal.append('t', two, commitOf('c3', { blobs: [hash] }));
    expect(await read(second.backend.journal, 't')).toHaveLength(3);
    expect((await seen.take(3)).map(({ id }) => id)).toEqual(['c1', 'c2', 'c3']);
  });

  it('G2 loses nothing that is appended while they turn', async () => {
    await using stand = await workers(2);
    const { first, second } = stand;
    const chain = async ({ backend }: Worker, taskId: string): Promise<number[]> => {
      const sequences = [];
      for (let n = 0, last = 0; n < 100; n++) {
        last = await backend.journal.append(taskId, last, commitOf(`${taskId}/${n}`));
        sequences.push(last);
      }
      return sequences;
    };
    const tasks = Array.from({ length: 8 }, (_, n) => `t${n}`);
    const chains = Promise.all(tasks.map((taskId, n) => chain(n % 2 ? first : second, taskId)));
    for (let turns = 0; turns < 3; turns++) await turnOver(turns % 2 ? first : second);
    for (const [n, sequences] of (await chains).entries()) {
      const commits = await read(first.backend.journal, tasks[n] ?? '');
      expect(commits.map(({ sequence }) => sequence)).toEqual(sequences);
    }
    expect(await first.journals()).toHaveLength(4);
  });
});

describe('retention of journals', () => {
  it('K1 K2 lets closed journals go by the generation, and keeps an open one with its blobs', async () => {
    await using stand = await workers(2);
    const { first, second, time } = stand;
    const { journal, blobs } = first.backend;
    const shared = await blobs.put({ shared: 'x'.repeat(3_000_000) });
    const alone = await blobs.put('alone');
    const unused = await blobs.put('unused');
    const closed = await journal.append('closed', 0, commitOf('a1', { blobs: [shared, alone] }));
    await journal.append('closed', closed, commitOf('a2', { closing: true }));
    const one = await journal.append('open', 0, commitOf('b1', { blobs: [shared] }));
    const two = await journal.append('open', one, commitOf('b2'));
    const before = await read(journal, 'open');

    time.pass(HOUR + 1);
    expect(await journal.last('closed')).toBeUndefined();
    await first.keeper.look();
    expect(await first.journals()).toEqual(['TASKCHART_JOURNAL_1', 'TASKCHART_JOURNAL_2']);
    expect(await blobs.read(alone)).toBe('alone');
    time.pass(HOUR);
    await first.keeper.look();
    expect(await first.journals()).toEqual([
      expect.stringMatching(/^TASKCHART_JOURNAL_1_KEPT_/),
      'TASKCHART_JOURNAL_2',
    ]);
    for (const { backend } of [first, second]) {
      expect(await read(backend.journal, 'open')).toEqual(before);
      expect(await read(backend.journal, 'closed')).toEqual([]);
      expect(await backend.blobs.read(shared)).toEqual({ shared: 'x'.repeat(3_000_000) });
      expect(await backend.blobs.read(alone)).toBeUndefined();
      expect(await backend.blobs.read(unused)).toBeUndefined();
    }
    const fresh = await second.backend.journal.append('closed', 0, commitOf('a1'));
    expect(fresh).toBeGreaterThan(two);
    const three = await second.backend.journal.append('open', two, commitOf('b3'));
    expect(await read(journal, 'open')).toHaveLength(3);
    await expect(journal.append('open', two, commitOf('b4'))).rejects.toMatchObject({ sequence: three });
    // The time of the servers is behind the test's: so it is gone at once.
    await journal.append('open', three, commitOf('b5', { closing: true }));

    for (let hours = 0; hours < 4; hours++) {
      time.pass(HOUR);
      await second.keeper.look();
    }
    expect(await read(journal, 'open')).toEqual([]);
    expect(await blobs.read(shared)).toBeUndefined();
    expect(await read(journal, 'closed')).toMatchObject([{ id: 'a1', sequence: fresh }]);
    const kept = (await first.journals()).filter((name) => name.includes('KEPT'));
    expect(kept).toHaveLength(1);
    expect((await streamInfo(first.connection, kept[0] ?? ''))?.state.messages).toBe(1);
  });

  it('keeps all of a journal that was opened again, and begins one anew that is gone', async () => {
    await using stand = await workers(2);
    const { first, second, time } = stand;
    const { journal } = first.backend;
    const end = { closing: true };
    const one = await journal.append('reopened', 0, commitOf('a1'));
    const two = await journal.append('reopened', one, commitOf('a2', end));
    await journal.append('gone', 0, commitOf('b1', end));
    await turnOver(first);
    const three = await second.backend.journal.append('reopened', two, commitOf('a3', end));
    time.pass(HOUR + 1);
    await expect(journal.append('gone', 1, commitOf('b2'))).rejects.toMatchObject({ sequence: 0 });
    const seen = new Arrivals<StoredCommit>();
    await second.backend.journal.follow('gone', 0, seen.push);
    const fresh = await journal.append('gone', 0, commitOf('b3'));
    expect((await seen.next()).sequence).toBe(fresh);
    expect(await read(journal, 'gone')).toMatchObject([{ id: 'b3' }]);
    time.pass(-HOUR);
    const four = await journal.append('reopened', three, commitOf('a4'));
    time.pass(3 * HOUR);
    await second.keeper.look();
    await second.keeper.look();
    expect(await first.journals()).not.toContain('TASKCHART_JOURNAL_1');
    const commits = await read(journal, 'reopened');
    expect(commits.map(({ sequence }) => sequence)).toEqual([one, two, three, four]);
  });

  it('K4 lets several workers look at once', async () => {
    await using stand = await workers(2);
    const { first, second, time } = stand;
    const last = new Map<string, number>();
    for (let n = 0; n < 40; n++) {
      const closing = n % 2 === 0;
      last.set(`t${n}`, await first.backend.journal.append(`t${n}`, 0, commitOf(`c${n}`, { closing })));
    }
    for (let hours = 0; hours < 4; hours++) {
      time.pass(HOUR + 1);
      await Promise.all([first.keeper.look(), second.keeper.look()]);
      for (const { backend } of [first, second]) {
        for (const [taskId, sequence] of last) {
          const isKept = Number(taskId.slice(1)) % 2 === 1;
          expect(await backend.journal.last(taskId)).toEqual(
            isKept ? expect.objectContaining({ sequence }) : undefined,
          );
        }
      }
    }
    expect(await first.journals()).toHaveLength(2);
  });

  it('K2 counts no copy that is not complete, and removes it in time', async () => {
    await using stand = await workers(1);
    const { first, time } = stand;
    const one = await first.backend.journal.append('t', 0, commitOf('c1'));
    time.pass(HOUR + 1);
    await first.keeper.look();
    const name = first.generations.nameOfCopy(1, nuid.next());
    const info = await streamInfo(first.connection, 'TASKCHART_JOURNAL_1');
    if (!info) throw new Error('There is no such stream.');
    await createStream(first.connection, {
      ...info.config,
      name,
      subjects: ['other'],
      description: 'a copy',
    });
    time.pass(HOUR);
    await first.keeper.look();
    expect(await first.journals()).toContain('TASKCHART_JOURNAL_1');
    expect(await first.backend.journal.last('t')).toMatchObject({ sequence: one });
    time.pass(6 * HOUR);
    await first.keeper.look();
    const journals = await first.journals();
    expect(journals).not.toContain(name);
    expect(journals).not.toContain('TASKCHART_JOURNAL_1');
    expect(await first.backend.journal.last('t')).toMatchObject({ sequence: one });
  });

  it('turns over no generation that is empty, and needs no copy where nothing is left', async () => {
    await using stand = await workers(1);
    const { first, time } = stand;
    time.pass(5 * HOUR);
    await first.keeper.look();
    expect(await first.journals()).toEqual(['TASKCHART_JOURNAL_1']);
    await first.backend.journal.append('t', 0, commitOf('c1', { closing: true }));
    time.pass(HOUR + 1);
    await first.keeper.look();
    time.pass(HOUR);
    await first.keeper.look();
    expect(await first.journals()).toEqual(['TASKCHART_JOURNAL_2']);
  });
});

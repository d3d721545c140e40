import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Commit,
  type Journal,
  type StoredCommit,
  UnavailableError,
} from '../../../src/backends/index.ts';
import { copyOf, movedHeaders } from '../../../src/backends/nats/stored-commit.ts';
import { streamInfo } from '../../../src/backends/nats/streams.ts';
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

/** The others learn of it when they look. */
async function turnOver({ generations }: Worker): Promise<void> {
  await generations.look();
  await generations.turnOver(await generations.newest());
}

const sequencesOf = (commits: readonly StoredCommit[]): number[] => commits.map(({ sequence }) => sequence);

const read = (journal: Journal, taskId: string): Promise<StoredCommit[]> => collect(journal.read(taskId));

describe('generations of journals', () => {
  it('G1 lets one append win wherever a journal lies, whatever a worker believes', async () => {
    await using stand = await workers(2);
    const { first, second } = stand;
    const one = await first.backend.journal.append('t', 0, commitOf('c1'));
    expect(await read(second.backend.journal, 't')).toHaveLength(1);
    const two = await first.backend.journal.append('t', one, commitOf('c2', { writer: 'winner' }));
    await turnOver(first);
    const conflict = { name: 'JournalConflictError', sequence: two, writer: 'winner' };
    await expect(second.backend.journal.append('t', one, commitOf('c3'))).rejects.toMatchObject(conflict);
    await expect(second.backend.journal.append('t', 0, commitOf('c4'))).rejects.toMatchObject(conflict);
    await turnOver(second);
    await expect(first.backend.journal.append('t', one, commitOf('c5'))).rejects.toMatchObject(conflict);
    const three = await first.backend.journal.append('t', two, commitOf('c6'));
    expect(sequencesOf(await read(second.backend.journal, 't'))).toEqual([one, two, three]);
  });

  it('G2 lets one of several begin a journal, though they know of other generations', async () => {
    await using stand = await workers(2);
    const { first, second } = stand;
    await turnOver(first);
    for (let n = 0; n < 20; n++) {
      const outcomes = await Promise.allSettled(
        [first, second, first, second].map(({ backend }, writer) =>
          backend.journal.append(`t${n}`, 0, commitOf(`c${n}-${writer}`)),
        ),
      );
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(await read(first.backend.journal, `t${n}`)).toHaveLength(1);
      expect(await read(first.backend.journal, `t${n}`)).toEqual(await read(second.backend.journal, `t${n}`));
    }
  });

  it('B2 finds a repeated append where it was stored', async () => {
    await using stand = await workers(2);
    const { first, second, time } = stand;
    const one = await first.backend.journal.append('t', 0, commitOf('c1'));
    const two = await first.backend.journal.append('t', one, commitOf('c2'));
    await turnOver(second);
    expect(await first.backend.journal.append('t', one, commitOf('c2'))).toBe(two);
    expect(await second.backend.journal.append('t', 0, commitOf('c1'))).toBe(one);
    time.pass(2 * HOUR);
    await second.keeper.look();
    expect(await first.journals()).not.toContain('TASKCHART_JOURNAL_1');
    expect(await first.backend.journal.append('t', one, commitOf('c2'))).toBe(two);
    expect(await second.backend.journal.append('t', 0, commitOf('c1'))).toBe(one);
    expect(await read(first.backend.journal, 't')).toHaveLength(2);
  });

  it('finds what another worker has put into a generation that one does not know of', async () => {
    await using stand = await workers(2);
    const { first, second } = stand;
    await turnOver(first);
    const hash = await first.backend.blobs.put('value');
    expect(await second.backend.blobs.read(hash)).toBe('value');
    await turnOver(first);
    await first.backend.journal.append('t', 0, commitOf('c1', { blobs: [hash] }));
    expect(await second.backend.journal.last('t')).toMatchObject({ id: 'c1' });
  });
});

describe('retention of journals', () => {
  it('K1 K2 lets what is over go by the generation, and keeps an open journal with its blobs', async () => {
    await using stand = await workers(2);
    const { first, second, time } = stand;
    const { journal, blobs } = first.backend;
    const catalogue = { shared: 'x'.repeat(3_000_000) };
    const shared = await blobs.put(catalogue);
    const [alone, unused] = [await blobs.put('alone'), await blobs.put('unused')];
    const closed = await journal.append('closed', 0, commitOf('a1', { blobs: [shared, alone] }));
    await journal.append('closed', closed, commitOf('a2', { closing: true }));
    const one = await journal.append('open', 0, commitOf('b1', { blobs: [shared] }));
    const two = await journal.append('open', one, commitOf('b2'));
    const before = await read(journal, 'open');
    const seen = new Arrivals<StoredCommit>();
    await second.backend.journal.follow('open', 0, seen.push);

    time.pass(HOUR + 1);
    expect(await journal.last('closed')).toBeUndefined();
    await first.keeper.look();
    expect(await first.journals()).toEqual(['TASKCHART_JOURNAL_1', 'TASKCHART_JOURNAL_2']);
    expect(await blobs.read(alone)).toBe('alone');
    time.pass(HOUR);
    await first.keeper.look();
    expect(await first.journals()).toEqual(['TASKCHART_JOURNAL_2']);
    for (const { backend } of [first, second]) {
      expect(await read(backend.journal, 'open')).toEqual(before);
      expect(await read(backend.journal, 'closed')).toEqual([]);
      expect(await backend.blobs.read(shared)).toEqual(catalogue);
      expect(await backend.blobs.read(alone)).toBeUndefined();
      expect(await backend.blobs.read(unused)).toBeUndefined();
    }
    const fresh = await second.backend.journal.append('closed', 0, commitOf('a1'));
    expect(fresh).toBeGreaterThan(two);
    const three = await second.backend.journal.append('open', two, commitOf('b3'));
    expect(three).toBeGreaterThan(fresh);
    await expect(journal.append('open', two, commitOf('b4'))).rejects.toMatchObject({ sequence: three });
    // The time of the servers is behind the test's: so it is gone at once.
    const four = await journal.append('open', three, commitOf('b5', { closing: true }));
    expect(sequencesOf(await seen.take(4))).toEqual([one, two, three, four]);

    for (let hours = 0; hours < 4; hours++) {
      time.pass(HOUR);
      await second.keeper.look();
    }
    expect(await read(journal, 'open')).toEqual([]);
    expect(await blobs.read(shared)).toBeUndefined();
    expect(await read(journal, 'closed')).toMatchObject([{ id: 'a1', sequence: fresh }]);
    const streams = (await first.journals()).map((name) => streamInfo(first.connection, name));
    const counts = (await Promise.all(streams)).map((info) => info?.state.messages);
    expect(counts.reduce((sum = 0, count = 0) => sum + count)).toBeLessThanOrEqual(4);
    expect((await streamInfo(first.connection, 'TASKCHART_DIRECTORY'))?.state.messages).toBeLessThanOrEqual(
      3,
    );
  });

  /** A keeper whose stream another has dropped meanwhile tries again, as it does by itself. */
  async function lookUntilDone({ keeper }: Worker): Promise<void> {
    for (;;) {
      try {
        return await keeper.look();
      } catch (error) {
        if (!(error instanceof UnavailableError)) throw error;
      }
    }
  }

  it('K2 moves a journal under the hands of who appends to it', async () => {
    await using stand = await workers(2);
    const { first, second, time } = stand;
    const tasks = Array.from({ length: 8 }, (_, n) => `t${n}`);
    let isOver = false;
    const chain = async ({ backend }: Worker, taskId: string): Promise<number[]> => {
      const sequences: number[] = [];
      while (!isOver) {
        const last = sequences.at(-1) ?? 0;
        sequences.push(await backend.journal.append(taskId, last, commitOf(`${taskId}/${sequences.length}`)));
        // What a task waits for takes longer than a copy.
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return sequences;
    };
    const chains = Promise.all(tasks.map((taskId, n) => chain(n % 2 ? first : second, taskId)));
    for (let turns = 0; turns < 4; turns++) {
      time.pass(HOUR + 1);
      await Promise.all([first, second].map(lookUntilDone));
    }
    isOver = true;
    for (const [n, sequences] of (await chains).entries()) {
      expect(sequencesOf(await read(first.backend.journal, tasks[n] ?? ''))).toEqual(sequences);
      expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
    }
    expect(await first.journals()).not.toContain('TASKCHART_JOURNAL_1');
    expect(await first.journals()).not.toContain('TASKCHART_JOURNAL_2');
  });

  it('keeps a journal that was opened again, and begins one anew that is gone', async () => {
    await using stand = await workers(2);
    const { first, second, time } = stand;
    const { journal } = first.backend;
    const end = { closing: true };
    const one = await journal.append('reopened', 0, commitOf('a1'));
    const two = await journal.append('reopened', one, commitOf('a2', end));
    const gone = await journal.append('gone', 0, commitOf('b1', end));
    await turnOver(first);
    const three = await second.backend.journal.append('reopened', two, commitOf('a3'));
    time.pass(HOUR + 1);
    await expect(journal.append('gone', gone, commitOf('b2'))).rejects.toMatchObject({ sequence: 0 });
    const seen = new Arrivals<StoredCommit>();
    await second.backend.journal.follow('gone', 0, seen.push);
    const fresh = await journal.append('gone', 0, commitOf('b3'));
    expect((await seen.next()).sequence).toBe(fresh);
    await expect(second.backend.journal.append('gone', gone, commitOf('b4'))).rejects.toMatchObject({
      sequence: fresh,
    });
    // One whose clock is behind takes the old journal for closed, not gone: it is not to be opened again.
    time.pass(-HOUR);
    await expect(second.backend.journal.append('gone', gone, commitOf('b5'))).rejects.toMatchObject({
      sequence: fresh,
    });
    time.pass(3 * HOUR);
    await second.keeper.look();
    expect(await first.journals()).not.toContain('TASKCHART_JOURNAL_1');
    expect(sequencesOf(await read(journal, 'reopened'))).toEqual([one, two, three]);
    expect(await read(journal, 'gone')).toMatchObject([{ id: 'b3' }]);
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
    expect((await first.journals()).length).toBeLessThanOrEqual(2);
  });

  it.each([
    ['before it was all copied', 'copying'],
    ['before it was ended where it was', 'copied'],
    ['before the directory knew', 'ended'],
  ] as const)('K2 K4 moves what another worker left in the middle, %s', async (_, where) => {
    await using stand = await workers(2);
    const { first, second, time } = stand;
    const one = await first.backend.journal.append('t', 0, commitOf('c1'));
    const two = await first.backend.journal.append('t', one, commitOf('c2'));
    await turnOver(first);
    const from = { generation: 1, life: '0' };
    const to = { generation: 2, life: 'left' };
    const publish = async (
      location: typeof to,
      { text, headers }: ReturnType<typeof copyOf>,
    ): Promise<number> =>
      (
        await first.connection.publish(
          'test',
          first.generations.subjectOfJournal(location, 't'),
          text,
          headers,
        )
      ).seq;
    const { commits } = await first.reader.remains('test', 't', 0);
    let place = 0;
    for (const kept of where === 'copying' ? commits.slice(0, 1) : commits) {
      place = await publish(to, copyOf(kept, place));
    }
    if (where === 'ended')
      await publish(from, { text: '', headers: movedHeaders(to, commits[1]?.place ?? 0) });
    const three = await second.backend.journal.append('t', two, commitOf('c3'));
    time.pass(2 * HOUR);
    await second.keeper.look();
    expect(await first.journals()).not.toContain('TASKCHART_JOURNAL_1');
    for (const { backend } of [first, second]) {
      expect(sequencesOf(await read(backend.journal, 't'))).toEqual([one, two, three]);
    }
  });

  it('makes no next generation while one is empty', async () => {
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

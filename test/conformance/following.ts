import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SimulatedClock } from 'xstate';
import type { Journal, StoredCommit } from '../../src/backends/index.ts';
import { commitOf } from './journal.ts';
import { Arrivals, collect, DAY, type Open, type Traits, warnings } from './stand.ts';

/** Appends so many commits and gives their sequences. */
async function appendMany(journal: Journal, taskId: string, count: number, after = 0): Promise<number[]> {
  const sequences: number[] = [];
  for (let n = 0; n < count; n++) {
    const last = sequences.at(-1) ?? after;
    sequences.push(await journal.append(taskId, last, commitOf(`${taskId}/${last}`)));
  }
  return sequences;
}

const sequencesOf = (commits: readonly StoredCommit[]): number[] => commits.map(({ sequence }) => sequence);

export function followingPart(open: Open, { virtualTime }: Traits): void {
  describe('journal.follow', () => {
    it('hands over what is stored, then what comes, equal to what is read', async () => {
      await using stand = await open();
      const { journal } = stand.backend;
      const [first = 0, second = 0] = await appendMany(journal, 't', 2);
      const all = new Arrivals<StoredCommit>();
      const later = new Arrivals<StoredCommit>();
      await journal.follow('t', 0, all.push);
      await journal.follow('t', first, later.push);
      await all.take(2);
      await appendMany(journal, 't', 2, second);
      await all.take(2);
      await later.take(3);
      await appendMany(journal, 'other', 1);
      await stand.quiet();
      const stored = await collect(journal.read('t'));
      expect(all.all).toEqual(stored);
      expect(later.all).toEqual(stored.slice(1));
    });

    it('leaves no gap and repeats nothing under concurrent appends, from any position', async () => {
      await using stand = await open();
      const { journal } = stand.backend;
      let run = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.nat(10),
          fc.integer({ min: 1, max: 30 }),
          fc.nat(30),
          async (stored, coming, joinAt) => {
            const taskId = `run${++run}`;
            const before = await appendMany(journal, taskId, stored);
            const after = before[joinAt % Math.max(stored, 1)] ?? 0;
            const arrivals = new Arrivals<StoredCommit>();
            const [coda, subscription] = await Promise.all([
              appendMany(journal, taskId, coming, before.at(-1) ?? 0),
              journal.follow(taskId, after, arrivals.push),
            ]);
            const expected = [...before, ...coda].filter((sequence) => sequence > after);
            await arrivals.take(expected.length);
            await subscription.stop();
            expect(sequencesOf(arrivals.all)).toEqual(expected);
          },
        ),
        { numRuns: 30 },
      );
    });

    it('hands over nothing once it is stopped, also from within, and stops twice', async () => {
      await using stand = await open();
      const { journal } = stand.backend;
      const sequences = await appendMany(journal, 't', 5);
      const seen: number[] = [];
      const reachedTwo = Promise.withResolvers<void>();
      const subscription = await journal.follow('t', 0, ({ sequence }) => {
        seen.push(sequence);
        if (seen.length < 2) return;
        void subscription.stop();
        reachedTwo.resolve();
      });
      await reachedTwo.promise;
      await subscription.stop();
      await appendMany(journal, 't', 1, sequences.at(-1));
      await stand.quiet();
      expect(seen).toEqual(sequences.slice(0, 2));
    });

    it('B4 gives each follower a value of its own', async () => {
      await using stand = await open();
      const { journal } = stand.backend;
      const arrivals = new Arrivals<StoredCommit>();
      const spoil = (commit: StoredCommit): void => {
        (commit.entries as unknown[]).length = 0;
      };
      await journal.follow('t', 0, spoil);
      await journal.follow('t', 0, arrivals.push);
      await appendMany(journal, 't', 1);
      expect((await arrivals.next()).entries).toEqual(commitOf('t/0').entries);
    });

    it('B6 harms nobody by a follower that throws, which becomes a warning', async () => {
      await using stand = await open();
      const { journal } = stand.backend;
      const warned = warnings();
      const thrown: number[] = [];
      await journal.follow('t', 0, ({ sequence }) => {
        thrown.push(sequence);
        throw new Error('a broken follower');
      });
      const arrivals = new Arrivals<StoredCommit>();
      await journal.follow('t', 0, arrivals.push);
      const sequences = await appendMany(journal, 't', 3);
      expect(sequencesOf(await arrivals.take(3))).toEqual(sequences);
      expect(await warned.next()).toContain('a broken follower');
      await stand.quiet();
      expect(thrown).toEqual(sequences);
    });

    it('lets a follower append', async () => {
      await using stand = await open();
      const { journal } = stand.backend;
      const echoed = Promise.withResolvers<number>();
      await journal.follow('t', 0, ({ sequence, id }) => {
        if (id === 't/0') journal.append('t', sequence, commitOf('echo')).then(echoed.resolve, echoed.reject);
      });
      await appendMany(journal, 't', 1);
      await echoed.promise;
      expect(await journal.last('t')).toMatchObject({ id: 'echo' });
    });
  });

  describe.runIf(virtualTime)('retention of journals', () => {
    it('drops a closed journal after retention, and none that is open or was opened again', async () => {
      await using stand = await open();
      const { journal } = stand.backend;
      const { retention } = stand.settings;
      await journal.append('open', 0, commitOf('open'));
      await journal.append('closed', 0, commitOf('closed', { closing: true }));
      const last = await journal.append('reopened', 0, commitOf('reopened', { closing: true }));
      await journal.append('reopened', last, commitOf('again'));
      const end = await journal.append('closed-later', 0, commitOf('x1', { closing: true }));
      await stand.pass(retention);
      await journal.append('closed-later', end, commitOf('x2', { closing: true }));
      expect(await collect(journal.read('closed'))).toHaveLength(1);
      await stand.pass(DAY);
      expect(await collect(journal.read('closed'))).toEqual([]);
      expect(await journal.last('closed')).toBeUndefined();
      expect(await collect(journal.read('open'))).toHaveLength(1);
      expect(await collect(journal.read('reopened'))).toHaveLength(2);
      await stand.pass(retention - DAY);
      expect(await collect(journal.read('closed-later'))).toHaveLength(2);
      await stand.pass(DAY);
      expect(await collect(journal.read('closed-later'))).toEqual([]);
    });

    it('B3 begins a dropped journal anew, from 0, and its followers follow it', async () => {
      await using stand = await open();
      const { journal } = stand.backend;
      const arrivals = new Arrivals<StoredCommit>();
      const old = await journal.append('t', 0, commitOf('c1', { closing: true }));
      await journal.follow('t', 0, arrivals.push);
      await stand.pass(stand.settings.retention + DAY);
      await expect(journal.append('t', old, commitOf('c2'))).rejects.toMatchObject({
        sequence: 0,
        writer: undefined,
      });
      const fresh = await journal.append('t', 0, commitOf('c2'));
      expect(fresh).toBeGreaterThan(old);
      expect(sequencesOf(await arrivals.take(2))).toEqual([old, fresh]);
    });

    it('tells a follower that had not all of a journal when it was dropped, before what comes then', async () => {
      await using stand = await open();
      const { journal } = stand.backend;
      const clock = stand.settings.clock as SimulatedClock;
      const warned = warnings();
      const sequences = await appendMany(journal, 't', 600);
      await journal.append('t', sequences.at(-1) ?? 0, commitOf('end', { closing: true }));
      const quick = new Arrivals<unknown>();
      await journal.follow('t', 0, ({ id }) => quick.push(id), quick.push);
      await quick.take(601);
      const slow: unknown[] = [];
      const gap = Promise.withResolvers<unknown>();
      await journal.follow(
        't',
        0,
        ({ sequence }) => {
          // While it is handed what there is, its journal's time runs out.
          if (slow.push(sequence) > 1) return;
          clock.increment(stand.settings.retention + DAY);
          void journal.last('t');
        },
        gap.resolve,
      );
      await journal.follow('t', 0, () => {});
      expect(await gap.promise).toMatchObject({
        name: 'JournalDroppedError',
        taskId: 't',
        after: slow.at(-1),
      });
      expect(slow.length).toBeLessThan(601);
      const [fresh] = await appendMany(journal, 't', 1);
      await stand.quiet();
      expect(slow.at(-1)).toBe(fresh);
      expect(await quick.next()).toBe('t/0');
      expect(quick.waiting).toBe(0);
      expect(await warned.next()).toContain('task "t" was dropped');
    });
  });
}

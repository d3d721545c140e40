import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Commit, StoredCommit } from '../../src/backends/index.ts';
import {
  edgeIds,
  edgeTaskIds,
  malformedHashes,
  malformedIds,
  malformedTaskIds,
  notJson,
  oddJson,
} from './forms.ts';
import { collect, type Open, stringOf } from './stand.ts';

export const commitOf = (id: string, more: Partial<Commit> = {}): Commit => ({
  id,
  writer: 'writer-1',
  entries: [{ entry: id }],
  ...more,
});

export function journalPart(open: Open): void {
  describe('journal.append', () => {
    it('B1 stores a commit and gives its sequence, which grows', async () => {
      await using stand = await open();
      const { journal } = stand.backend;
      const before = stand.now();
      const first = await journal.append('t', 0, commitOf('c1', { entries: [{ n: 1 }, { n: 2 }] }));
      const second = await journal.append('t', first, commitOf('c2', { writer: 'writer-2', closing: true }));
      expect(first).toBeGreaterThan(0);
      expect(second).toBeGreaterThan(first);
      const commits = await collect(journal.read('t'));
      expect(commits).toEqual([
        { ...commitOf('c1', { entries: [{ n: 1 }, { n: 2 }] }), sequence: first, at: expect.any(Number) },
        {
          ...commitOf('c2', { writer: 'writer-2', closing: true }),
          sequence: second,
          at: expect.any(Number),
        },
      ]);
      for (const { at } of commits) {
        expect(at).toBeGreaterThanOrEqual(before);
        expect(at).toBeLessThanOrEqual(stand.now());
      }
    });

    it('B2 answers a repeated append with the sequence it has, also when others followed it', async () => {
      await using stand = await open();
      const { journal } = stand.backend;
      const first = await journal.append('t', 0, commitOf('c1'));
      expect(await journal.append('t', 0, commitOf('c1'))).toBe(first);
      const second = await journal.append('t', first, commitOf('c2'));
      const third = await journal.append('t', second, commitOf('c3'));
      expect(await journal.append('t', 0, commitOf('c1'))).toBe(first);
      expect(await journal.append('t', first, commitOf('c2'))).toBe(second);
      expect(await journal.append('t', second, commitOf('c3'))).toBe(third);
      expect((await collect(journal.read('t'))).map(({ id }) => id)).toEqual(['c1', 'c2', 'c3']);
    });

    it('B2 stores one commit when the same append is under way many times', async () => {
      await using stand = await open();
      const { journal } = stand.backend;
      const appends = Array.from({ length: 20 }, () => journal.append('t', 0, commitOf('c1')));
      expect(new Set(await Promise.all(appends)).size).toBe(1);
      expect(await collect(journal.read('t'))).toHaveLength(1);
    });

    it('B3 refuses an append behind another commit, naming its sequence and writer', async () => {
      await using stand = await open();
      const { journal } = stand.backend;
      const first = await journal.append('t', 0, commitOf('c1', { writer: 'winner' }));
      await expect(journal.append('t', 0, commitOf('c2', { writer: 'loser' }))).rejects.toMatchObject({
        name: 'JournalConflictError',
        taskId: 't',
        expected: 0,
        sequence: first,
        writer: 'winner',
        message: expect.stringContaining('"winner"'),
      });
      await expect(journal.append('t', first + 1, commitOf('c3'))).rejects.toMatchObject({
        name: 'JournalConflictError',
        expected: first + 1,
        sequence: first,
        writer: 'winner',
      });
      expect(await collect(journal.read('t'))).toHaveLength(1);
    });

    it('B3 refuses an append that expects a commit in an empty journal', async () => {
      await using stand = await open();
      const { journal } = stand.backend;
      await expect(journal.append('t', 5, commitOf('c1'))).rejects.toMatchObject({
        name: 'JournalConflictError',
        sequence: 0,
        writer: undefined,
      });
      expect(await collect(journal.read('t'))).toEqual([]);
    });

    it('B3 lets exactly one of many concurrent appends win, and tells the others who', async () => {
      await using stand = await open();
      const { journal } = stand.backend;
      let last = 0;
      for (let round = 0; round < 5; round++) {
        const appends = Array.from({ length: 20 }, (_, n) =>
          journal.append('t', last, commitOf(`c${round}-${n}`, { writer: `w${n}` })),
        );
        const outcomes = await Promise.allSettled(appends);
        const won = outcomes.filter((outcome) => outcome.status === 'fulfilled');
        expect(won).toHaveLength(1);
        const winner = outcomes.findIndex((outcome) => outcome.status === 'fulfilled');
        last = won[0]?.value ?? 0;
        for (const outcome of outcomes) {
          if (outcome.status === 'rejected') {
            expect(outcome.reason).toMatchObject({
              name: 'JournalConflictError',
              sequence: last,
              writer: `w${winner}`,
            });
          }
        }
      }
      expect(await collect(journal.read('t'))).toHaveLength(5);
    });

    it('B2 B3 keeps each journal a chain under any interleaving of writers, repeats and stale beliefs', async () => {
      await using stand = await open();
      const { journal } = stand.backend;
      let run = 0;
      const step = fc.record({
        task: fc.nat(1),
        writer: fc.nat(2),
        believes: fc.constantFrom('last', 'stale', 'nothing'),
        repeats: fc.boolean(),
      });
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 8 }),
          async (rounds) => {
            run++;
            const made: { taskId: string; expected: number; commit: Commit }[] = [];
            const stored = new Map<string, number>();
            for (const [round, steps] of rounds.entries()) {
              const calls = [];
              for (const [n, { task, writer, believes, repeats }] of steps.entries()) {
                const taskId = `run${run}-${task}`;
                const commits = await collect(journal.read(taskId));
                const expected =
                  believes === 'nothing' ? 0 : (commits.at(believes === 'last' ? -1 : -2)?.sequence ?? 0);
                const id = `run${run}/${round}/${n}`;
                const earlier = repeats ? made[(round * 7 + n) % Math.max(made.length, 1)] : undefined;
                const call = earlier ?? { taskId, expected, commit: commitOf(id, { writer: `w${writer}` }) };
                if (!earlier) made.push(call);
                calls.push(call);
              }
              const outcomes = await Promise.allSettled(
                calls.map(({ taskId, expected, commit }) => journal.append(taskId, expected, commit)),
              );
              for (const [index, outcome] of outcomes.entries()) {
                const id = calls[index]?.commit.id ?? '';
                if (outcome.status === 'fulfilled') {
                  expect(stored.get(id) ?? outcome.value).toBe(outcome.value);
                  stored.set(id, outcome.value);
                } else {
                  expect(outcome.reason.name).toBe('JournalConflictError');
                  expect(stored.has(id)).toBe(false);
                }
              }
            }
            const kept = new Map<string, number>();
            for (const taskId of [`run${run}-0`, `run${run}-1`]) {
              let previous = 0;
              for (const commit of await collect(journal.read(taskId))) {
                expect(made.find((call) => call.commit.id === commit.id)?.expected).toBe(previous);
                expect(commit.sequence).toBeGreaterThan(previous);
                kept.set(commit.id, commit.sequence);
                previous = commit.sequence;
              }
            }
            expect(kept).toEqual(stored);
          },
        ),
        { numRuns: 60 },
      );
    });

    it('B4 keeps any JSON equal, and shares none of it', async () => {
      await using stand = await open();
      const { journal } = stand.backend;
      const entries = structuredClone(oddJson);
      await journal.append('t', 0, commitOf('c1', { entries }));
      entries.length = 1;
      const read = async (): Promise<StoredCommit | undefined> => (await collect(journal.read('t')))[0];
      expect((await read())?.entries).toEqual(oddJson);
      ((await read())?.entries as unknown[]).length = 0;
      ((await journal.last('t'))?.entries as unknown[]).length = 0;
      expect((await read())?.entries).toEqual(oddJson);
    });

    it('B5 refuses a commit that is too large, naming the limit, and stores nothing', async () => {
      await using stand = await open();
      const { journal } = stand.backend;
      const limit = stand.settings.maxMessageBytes;
      await expect(
        journal.append('t', 0, commitOf('c1', { entries: [stringOf(limit)] })),
      ).rejects.toMatchObject({
        name: 'TooLargeError',
        limit,
        message: expect.stringContaining(String(limit)),
      });
      await expect(
        journal.append('t', 0, commitOf('c1', { entries: ['é'.repeat(limit / 2)] })),
      ).rejects.toMatchObject({ name: 'TooLargeError' });
      expect(await journal.last('t')).toBeUndefined();
      await journal.append('t', 0, commitOf('c1', { entries: [stringOf(limit - 1_024)] }));
      expect(await journal.last('t')).toMatchObject({ id: 'c1' });
    });

    it.each(notJson)('B5 refuses %s by its path', async (_, value, reason) => {
      await using stand = await open();
      const { journal } = stand.backend;
      const entries = [1, { 'a b': [{ x: value }] }] as unknown as Commit['entries'];
      const error = await journal
        .append('t', 0, commitOf('c1', { entries }))
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ name: 'NotJsonError', path: 'commit.entries[1]["a b"][0].x' });
      expect(error).toMatchObject({ message: expect.stringMatching(reason) });
      expect(await journal.last('t')).toBeUndefined();
    });

    it('B5 refuses malformed ids, sequences, hashes and a commit without entries', async () => {
      await using stand = await open();
      const { journal } = stand.backend;
      const malformed = (argument: string) => ({ name: 'MalformedError', argument });
      for (const taskId of malformedTaskIds) {
        await expect(journal.append(taskId, 0, commitOf('c1'))).rejects.toMatchObject(malformed('taskId'));
        await expect(collect(journal.read(taskId))).rejects.toMatchObject(malformed('taskId'));
        await expect(journal.last(taskId)).rejects.toMatchObject(malformed('taskId'));
        await expect(journal.follow(taskId, 0, () => {})).rejects.toMatchObject(malformed('taskId'));
      }
      for (const id of malformedIds) {
        await expect(journal.append('t', 0, commitOf(id))).rejects.toMatchObject(malformed('commit.id'));
        const commit = commitOf('c1', { writer: id });
        await expect(journal.append('t', 0, commit)).rejects.toMatchObject(malformed('commit.writer'));
      }
      for (const sequence of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        await expect(journal.append('t', sequence, commitOf('c1'))).rejects.toMatchObject(
          malformed('expected'),
        );
        await expect(collect(journal.read('t', sequence))).rejects.toMatchObject(malformed('after'));
        await expect(journal.follow('t', sequence, () => {})).rejects.toMatchObject(malformed('after'));
      }
      for (const hash of malformedHashes) {
        const commit = commitOf('c1', { blobs: ['a'.repeat(64), hash] });
        await expect(journal.append('t', 0, commit)).rejects.toMatchObject(malformed('commit.blobs[1]'));
      }
      const empty = commitOf('c1', { entries: [] });
      await expect(journal.append('t', 0, empty)).rejects.toMatchObject(malformed('commit.entries'));
      expect(await journal.last('t')).toBeUndefined();
    });

    it('takes ids at the edges of what is well formed', async () => {
      await using stand = await open();
      const { journal } = stand.backend;
      for (const taskId of edgeTaskIds) {
        let last = 0;
        for (const id of edgeIds)
          last = await journal.append(taskId, last, commitOf(`${taskId}${id}`.slice(0, 256), { writer: id }));
        expect(await journal.last(taskId)).toMatchObject({ sequence: last, writer: edgeIds.at(-1) });
      }
    });
  });

  describe('journal.read and last', () => {
    it('gives what comes after a sequence, oldest first, and nothing for an unknown task', async () => {
      await using stand = await open();
      const { journal } = stand.backend;
      const sequences: number[] = [];
      for (const id of ['c1', 'c2', 'c3']) {
        sequences.push(await journal.append('t', sequences.at(-1) ?? 0, commitOf(id)));
        await journal.append(`other-${id}`, 0, commitOf(`other-${id}`));
      }
      const ids = async (after?: number) => (await collect(journal.read('t', after))).map(({ id }) => id);
      expect(await ids()).toEqual(['c1', 'c2', 'c3']);
      expect(await ids(sequences[0])).toEqual(['c2', 'c3']);
      expect(await ids(sequences[2])).toEqual([]);
      expect(await collect(journal.read('unknown'))).toEqual([]);
    });

    it('B3 gives the last commit as soon as it is stored', async () => {
      await using stand = await open();
      const { journal } = stand.backend;
      expect(await journal.last('t')).toBeUndefined();
      let last = 0;
      for (let n = 0; n < 50; n++) {
        last = await journal.append('t', last, commitOf(`c${n}`));
        expect(await journal.last('t')).toMatchObject({ id: `c${n}`, sequence: last });
      }
    });
  });
}

import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { Commit, Json, StoredCommit } from '../../../src/backends/index.ts';
import { UnavailableError } from '../../../src/backends/index.ts';
import { largeValues } from '../../../src/backends/large-values/index.ts';
import { memoryBackend } from '../../../src/backends/memory/index.ts';
import { Arrivals, collect, DAY, warnings } from '../../conformance/stand.ts';
import { flush, VirtualClock } from '../../virtual-time.ts';

const HOUR = 60 * 60 * 1000;
const catalogue = Array.from({ length: 40 }, (_, id) => ({ id, title: `Product ${id}`, price: id + 0.99 }));

function open({ threshold = 500, retention = 7 * DAY, maxMessageBytes = 1024 * 1024 } = {}) {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const backend = memoryBackend({ clock, retention, maxMessageBytes, maxBlobBytes: 100_000 });
  const puts = vi.spyOn(backend.blobs, 'put');
  return { clock, backend, puts, journal: largeValues(backend, { threshold, clock }), threshold };
}

const commitOf = (id: string, ...entries: Json[]): Commit => ({ id, writer: 'w', entries });
const storedIn = async (commits: AsyncIterable<StoredCommit>) => JSON.stringify(await collect(commits));

describe('large values in a journal', () => {
  it('V1 come out as they went in, whatever is in an entry, to all who read', async () => {
    const { journal } = open({ threshold: 12 });
    const reference = fc.dictionary(fc.constantFrom('$blobs', 'entry'), fc.jsonValue());
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.jsonValue({ maxDepth: 5 }), reference), { minLength: 1 }),
        async (given) => {
          run += 1;
          const entries = JSON.parse(JSON.stringify(given)) as Json[];
          const before = structuredClone(entries);
          const followed = new Arrivals<StoredCommit>();
          const subscription = await journal.follow(`t${run}`, 0, followed.push);
          await journal.append(`t${run}`, 0, commitOf('c', ...entries));
          expect(entries).toEqual(before);
          const [read] = await collect(journal.read(`t${run}`));
          expect(JSON.stringify(read?.entries)).toBe(JSON.stringify(entries));
          expect(await journal.last(`t${run}`)).toEqual(read);
          expect(await followed.next()).toEqual(read);
          await subscription.stop();
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each<[string, Json]>([
    [
      'a key that is a prototype',
      JSON.parse(`{"__proto__": "${'x'.repeat(600)}", "a": {"__proto__": ${JSON.stringify(catalogue)}}}`),
    ],
    ['keys with the signs of pointers', { 'a/b~c': { '~1': 'x'.repeat(600), '': { '': catalogue } } }],
    ['the form of what is stored', { $blobs: { '/x': '0'.repeat(64) }, entry: { x: null } }],
    [
      'one large value inside of another',
      { data: [...catalogue, { note: 'x'.repeat(600), more: catalogue }] },
    ],
  ])('V1 come out as they went in: %s', async (_, entry) => {
    const { journal, backend } = open();
    await journal.append('t', 0, commitOf('c', entry, { small: 1 }));
    const [read] = await collect(journal.read('t'));
    expect(JSON.stringify(read?.entries)).toBe(JSON.stringify([entry, { small: 1 }]));
    expect((await storedIn(backend.journal.read('t'))).length).toBeLessThan(800);
  });

  it('are not the entry itself, which is another one each time, unless it is too large for the backend', async () => {
    const { journal, backend } = open({ maxMessageBytes: 3_000 });
    const entries = [{ at: 1, one: 'x'.repeat(490), other: 'y'.repeat(490) }, catalogue, 'x'.repeat(5_000)];
    let last = 0;
    for (const entry of entries) last = await journal.append('t', last, commitOf(`c${last}`, entry));
    const all = (await collect(journal.read('t'))).flatMap((commit) => commit.entries);
    expect(all).toEqual(entries);
    const stored = (await collect(backend.journal.read('t'))).map(({ blobs = [] }) => blobs.length);
    expect(stored).toEqual([0, 0, 1]);
  });

  it('are kept once, however many entries and tasks have them, and whatever stands around them', async () => {
    const { journal, backend, puts } = open();
    for (const id of ['a', 'b', 'c']) {
      await journal.append(
        id,
        0,
        commitOf('c', { at: id, data: { fetched: id, products: structuredClone(catalogue) } }),
      );
    }
    expect(puts).toHaveBeenCalledTimes(1);
    const [stored] = await collect(backend.journal.read('b'));
    expect(stored?.blobs).toHaveLength(1);
    expect(stored?.entries).toEqual([
      {
        $blobs: { '/data/products': stored?.blobs?.[0] },
        entry: { at: 'b', data: { fetched: 'b', products: null } },
      },
    ]);
  });

  it('V5 are not looked for where there are none: the very commit is handed on', async () => {
    const { journal, backend, puts } = open();
    const append = vi.spyOn(backend.journal, 'append');
    const commit = {
      ...commitOf('c', { data: 'x'.repeat(480) }, catalogue[0] as Json),
      blobs: ['0'.repeat(64)],
    };
    await journal.append('t', 0, commit);
    expect(append.mock.calls[0]?.[2]).toBe(commit);
    expect(puts).not.toHaveBeenCalled();
  });

  it('leave those that a commit refers to itself', async () => {
    const { journal, backend } = open();
    const own = await backend.blobs.put('own');
    await journal.append('t', 0, { ...commitOf('c', { data: catalogue }), blobs: [own] });
    const [stored] = await collect(backend.journal.read('t'));
    expect(stored?.blobs).toEqual([own, expect.stringMatching(/^[0-9a-f]{64}$/)]);
  });

  it('are taken smaller where many that are each small enough are too large together', async () => {
    const { journal } = open({ threshold: 8_000, maxMessageBytes: 30_000 });
    const entries = Array.from({ length: 20 }, (_, n) => ({ n, data: `${n}`.padEnd(5_000, 'x') }));
    await journal.append('t', 0, commitOf('c', ...entries));
    expect((await journal.last('t'))?.entries).toEqual(entries);
  });
});

describe('an append with large values', () => {
  it('V3 that is repeated is the same one', async () => {
    const { journal, backend } = open();
    const commit = commitOf('c', { data: catalogue });
    const first = await journal.append('t', 0, commit);
    await journal.append('t', first, commitOf('d', 1));
    expect(await journal.append('t', 0, commit)).toBe(first);
    expect(await collect(backend.journal.read('t'))).toHaveLength(2);
  });

  it('V2 that dies between the value and the commit leaves nothing for ever, and can be made again', async () => {
    const { journal, backend, clock } = open();
    const append = vi.spyOn(backend.journal, 'append').mockRejectedValueOnce(new Error('the process died'));
    await expect(journal.append('t', 0, commitOf('c', { data: catalogue }))).rejects.toThrow(
      'the process died',
    );
    const [hash = ''] = append.mock.calls[0]?.[2].blobs ?? [];
    await clock.advance(8 * DAY);
    expect(await backend.blobs.read(hash)).toBeUndefined();
    // The next process, or this one: it is not thought to be there still.
    await journal.append('t', 0, commitOf('c', { data: catalogue }));
    expect((await journal.last('t'))?.entries).toEqual([{ data: catalogue }]);
  });

  it('V2 writes no commit unless its values are durable', async () => {
    const { journal, backend, puts } = open();
    puts.mockRejectedValueOnce(new UnavailableError('blobs.put', { cause: 'away' }));
    await expect(journal.append('t', 0, commitOf('c', { data: catalogue }))).rejects.toThrow(
      UnavailableError,
    );
    expect(await backend.journal.last('t')).toBeUndefined();
    await journal.append('t', 0, commitOf('c', { data: catalogue }));
    expect((await journal.last('t'))?.entries).toEqual([{ data: catalogue }]);
  });

  it('V4 that is too large even so is refused: by entry, place, size and limit', async () => {
    const { journal, backend } = open();
    const commit = commitOf(
      'c',
      { data: catalogue },
      { data: { text: 'x'.repeat(200_000) } },
      { data: catalogue },
    );
    await expect(journal.append('t', 0, commit)).rejects.toMatchObject({
      name: 'EntryTooLargeError',
      index: 1,
      pointer: '/data/text',
      bytes: 200_002,
      limit: 100_000,
      message: expect.stringMatching(/entries\[1\] at \/data\/text.* 200002 .* 100000\. .*maxBlobBytes/),
    });
    expect(await backend.journal.last('t')).toBeUndefined();
  });

  it('V4 whose entries cannot be stored together, however small, is refused by the largest of them', async () => {
    const { journal } = open({ maxMessageBytes: 2_000 });
    const fields = (count: number) =>
      Object.fromEntries(catalogue.slice(0, count).map(({ id }) => [`f${id}`, 'x'.repeat(450)]));
    const entries = Array.from({ length: 30 }, (_, n) =>
      n === 7 ? { a: fields(1), n } : { n: 'x'.repeat(400) },
    );
    await expect(journal.append('t', 0, commitOf('c', ...entries))).rejects.toMatchObject({
      name: 'EntryTooLargeError',
      index: 7,
      limit: 2_000,
    });
  });

  it('B5 refuses what is no JSON by its path, and does not hang on a cycle', async () => {
    const { journal } = open();
    const cycle: Record<string, unknown> = { text: 'x'.repeat(600) };
    cycle.self = cycle;
    await expect(journal.append('t', 0, commitOf('c', cycle as Json))).rejects.toThrow(
      /commit\.entries\[0\]\.self/,
    );
    await expect(journal.append('t', 0, { id: 'c', writer: 'w', entries: 'none' as never })).rejects.toThrow(
      'commit.entries',
    );
  });
});

describe('a value that was put of late', () => {
  it('V2 is put again before its backend may forget it', async () => {
    const { journal, clock, puts } = open({ retention: 1_000 });
    const append = (id: string) =>
      journal.append(id, 0, { ...commitOf('c', { data: catalogue }), closing: true });
    await append('a');
    await clock.advance(0.4 * HOUR);
    await append('b');
    expect(puts).toHaveBeenCalledTimes(1);
    await clock.advance(0.2 * HOUR);
    await append('c');
    expect(puts).toHaveBeenCalledTimes(2);
    expect((await journal.last('c'))?.entries).toEqual([{ data: catalogue }]);
  });

  it('is put once by many who come together; if that fails, by each who repeats', async () => {
    const { journal, puts } = open();
    puts.mockRejectedValueOnce(new UnavailableError('blobs.put', { cause: 'away' }));
    const ids = ['a', 'b', 'c'];
    const append = (id: string) => journal.append(id, 0, commitOf('c', { data: catalogue }));
    const failed = await Promise.allSettled(ids.map(append));
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await Promise.all(ids.map(append));
    expect(puts).toHaveBeenCalledTimes(2);
  });

  it('goes with the last journal that refers to it', async () => {
    const { journal, backend, clock } = open();
    const closing = { closing: true };
    await journal.append('a', 0, { ...commitOf('c', { data: catalogue }), ...closing });
    await clock.advance(4 * DAY);
    await journal.append('b', 0, { ...commitOf('c', { data: catalogue }), ...closing });
    const [hash = ''] = (await backend.journal.last('b'))?.blobs ?? [];
    await clock.advance(4 * DAY);
    expect(await journal.last('a')).toBeUndefined();
    expect((await journal.last('b'))?.entries).toEqual([{ data: catalogue }]);
    await clock.advance(4 * DAY);
    expect(await journal.last('b')).toBeUndefined();
    expect(await backend.blobs.read(hash)).toBeUndefined();
  });
});

describe('a follower of a journal with large values', () => {
  it('is handed all of it in order, though some takes longer to read', async () => {
    const { journal, backend } = open();
    const { promise, resolve } = Promise.withResolvers<void>();
    const read = backend.blobs.read.bind(backend.blobs);
    vi.spyOn(backend.blobs, 'read').mockImplementationOnce(async (hash) => {
      await promise;
      return read(hash);
    });
    let last = 0;
    const entries: Json[] = [1, { data: catalogue }, 2, { more: catalogue }, 3];
    for (const entry of entries) last = await journal.append('t', last, commitOf(`c${last}`, entry));
    const arrivals = new Arrivals<StoredCommit>();
    await journal.follow('t', 0, arrivals.push);
    expect((await arrivals.next()).entries).toEqual([1]);
    await flush();
    expect(arrivals.all).toHaveLength(1);
    resolve();
    expect((await arrivals.take(4)).flatMap(({ entries }) => entries)).toEqual(entries.slice(1));
  });

  it('reads nothing of what it does not want', async () => {
    const { journal, backend } = open();
    const read = vi.spyOn(backend.blobs, 'read');
    const arrivals = new Arrivals<StoredCommit>();
    const first = await journal.append('t', 0, commitOf('c', { data: catalogue }));
    await journal.append('t', first, { ...commitOf('d', 1), writer: 'wanted' });
    await journal.follow('t', 0, arrivals.push, undefined, ({ writer }) => writer === 'wanted');
    expect(await arrivals.next()).toMatchObject({ id: 'd', entries: [1] });
    expect(read).not.toHaveBeenCalled();
  });

  it('is handed nothing once it has stopped, whatever is being read', async () => {
    const { journal, backend, clock } = open();
    const arrivals = new Arrivals<StoredCommit>();
    vi.spyOn(backend.blobs, 'read').mockRejectedValue(new UnavailableError('blobs.read', { cause: 'away' }));
    await journal.append('t', 0, commitOf('c', { data: catalogue }));
    const subscription = await journal.follow('t', 0, arrivals.push);
    await flush();
    await flush();
    expect(clock.pending).toBe(1);
    await subscription.stop();
    expect(clock.pending).toBe(0);
    await clock.advance(HOUR);
    expect(arrivals.all).toEqual([]);
  });

  it('waits for what cannot be read now', async () => {
    const { journal, backend, clock } = open();
    const arrivals = new Arrivals<StoredCommit>();
    const away = new UnavailableError('blobs.read', { cause: 'away' });
    vi.spyOn(backend.blobs, 'read').mockRejectedValueOnce(away).mockRejectedValueOnce(away);
    await journal.append(
      't',
      await journal.append('t', 0, commitOf('c', { data: catalogue })),
      commitOf('d', 1),
    );
    await journal.follow('t', 0, arrivals.push);
    await clock.advance(1_999);
    expect(arrivals.all).toEqual([]);
    await clock.advance(1);
    expect((await arrivals.take(2)).flatMap(({ entries }) => entries)).toEqual([{ data: catalogue }, 1]);
  });

  it('V4 is told in its place of what is gone, by task, entry, place and hash; who reads it, too', async () => {
    const { journal, backend } = open();
    const first = await journal.append('t', 0, commitOf('c', 0, { data: catalogue }));
    await journal.append('t', first, commitOf('d', 1));
    vi.spyOn(backend.blobs, 'read').mockResolvedValue(undefined);
    const heard = new Arrivals<unknown>();
    await journal.follow('t', 0, ({ id }) => heard.push(id), heard.push);
    const gone = {
      name: 'MissingBlobError',
      taskId: 't',
      sequence: first,
      index: 1,
      pointer: '/data',
      hash: (await collect(backend.journal.read('t')))[0]?.blobs?.[0],
      message: expect.stringMatching(
        /^Entry 1 of commit .* of task "t" refers at "\/data" to blob [0-9a-f]{64}/,
      ),
    };
    expect(await heard.take(2)).toEqual([expect.objectContaining(gone), 'd']);
    await expect(collect(journal.read('t'))).rejects.toMatchObject(gone);
    expect((await journal.last('t'))?.entries).toEqual([1]);
    const warned = warnings();
    await journal.follow('t', 0, () => {});
    expect(await warned.next()).toContain('to blob');
  });

  it('B6 harms nobody by a follower that throws', async () => {
    const { journal } = open();
    const warned = warnings();
    const heard: string[] = [];
    await journal.append(
      't',
      await journal.append('t', 0, commitOf('c', { data: catalogue })),
      commitOf('d', 1),
    );
    await journal.follow('t', 0, ({ id }) => {
      heard.push(id);
      throw new Error(`broken at ${id}`);
    });
    expect(await warned.next()).toContain('broken at c');
    expect(await warned.next()).toContain('broken at d');
    expect(heard).toEqual(['c', 'd']);
  });
});

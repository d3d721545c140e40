/**
 * Large values are kept once: a journal that keeps them as blobs, by the hash of their content, and of them in its entries no more
 * than where they belong. So a catalogue that a thousand orders fetched is stored once, and a value may be larger than
 * what a backend takes in one commit.
 *
 * Invariants:
 * - V1. Nobody who reads or follows sees anything of it: an entry comes out as it was given, whatever is in it.
 * - V2. A blob is durable before the commit that refers to it, and goes with the last journal that does. What a process that died left
 *   between the two goes after the time for which a backend keeps what was put.
 * - V3. An append that is repeated is the same: the same id, the same entries, the same blobs.
 * - V4. What is too large even so is refused with an error that names the entry, the size and the limit. A value that is
 *   gone is an error, in its place in the order: never a gap that nobody hears of.
 * - V5. A commit without a large value costs a look at it, and is otherwise handed through.
 *
 * What is read is parsed for each reader anew: machines and their effects may hold on to it, and those of one task must never see what
 * those of another do to it.
 */
import { hash } from 'node:crypto';
import type { Clock } from '../../../machines/clock.ts';
import { EntryTooLargeError } from '../errors/entry-too-large-error.ts';
import { MissingBlobError } from '../errors/missing-blob-error.ts';
import { TooLargeError } from '../errors/too-large-error.ts';
import type { Backend, Blobs, Commit, Journal, Json, StoredCommit, Subscription } from '../port.ts';
import { RecentPuts } from './recent-puts.ts';
import { type Limits, maySurpass, reduce } from './reduce.ts';
import { Relay } from './relay.ts';
import { givenEntry, isStoredApart, storedEntry } from './stored-entry.ts';

export interface LargeValuesOptions {
  /** Values of more characters of JSON text than this are kept as blobs. */
  readonly threshold: number;
  /** That the backend lives by. */
  readonly clock: Clock;
}

/** What is kept apart where values that are each small enough are too large together, in characters. */
const LEAST_THRESHOLD = 1_024;

export function largeValues(
  backend: Pick<Backend, 'journal' | 'blobs'>,
  options: LargeValuesOptions,
): LargeValueJournal {
  return new LargeValueJournal(backend, options);
}

export class LargeValueJournal implements Journal {
  readonly #journal: Journal;
  readonly #blobs: Blobs;
  readonly #threshold: number;
  readonly #clock: Clock;
  readonly #puts: RecentPuts;

  constructor(
    { journal, blobs }: Pick<Backend, 'journal' | 'blobs'>,
    { threshold, clock }: LargeValuesOptions,
  ) {
    this.#journal = journal;
    this.#blobs = blobs;
    this.#threshold = threshold;
    this.#clock = clock;
    this.#puts = new RecentPuts(clock);
  }

  /** @throws {EntryTooLargeError} An entry, or a value in it, exceeds what the backend can store in one piece. */
  async append(taskId: string, expected: number, commit: Commit): Promise<number> {
    const least = Math.min(LEAST_THRESHOLD, this.#threshold);
    let limits: Limits = { value: this.#threshold, entry: Number.POSITIVE_INFINITY };
    for (;;) {
      const stored = await this.#storedCommit(commit, limits);
      try {
        return await this.#journal.append(taskId, expected, stored);
      } catch (error) {
        if (!(error instanceof TooLargeError)) throw error;
        // Many values came together, each of them small enough: then more is kept apart.
        if (limits.entry === least) throw new EntryTooLargeError(largestOf(stored.entries), undefined, error);
        limits = { value: least, entry: least };
      }
    }
  }

  async *read(taskId: string, after?: number): AsyncGenerator<StoredCommit, void, undefined> {
    for await (const commit of this.#journal.read(taskId, after)) yield await this.#given(taskId, commit);
  }

  async last(taskId: string): Promise<StoredCommit | undefined> {
    const commit = await this.#journal.last(taskId);
    return commit && this.#given(taskId, commit);
  }

  /** @param isWanted Whether a commit is to be handed over: of others nothing is read. @default all are */
  async follow(
    taskId: string,
    after: number,
    onCommit: (commit: StoredCommit) => void,
    onGap?: (error: unknown) => void,
    isWanted: (commit: Omit<StoredCommit, 'entries'>) => boolean = () => true,
  ): Promise<Subscription> {
    const relay = new Relay(this.#clock, (commit) => this.#given(taskId, commit), { onCommit, onGap });
    const subscription = await this.#journal.follow(
      taskId,
      after,
      (commit) => {
        if (isWanted(commit)) relay.take(commit, !commit.entries.some(isStoredApart));
      },
      (error) => relay.gap(error),
    );
    const stop = (): Promise<void> => {
      relay.stop();
      return subscription.stop();
    };
    return { stop, [Symbol.asyncDispose]: stop };
  }

  async #storedCommit(commit: Commit, limits: Limits): Promise<Commit> {
    // What is wrong with a commit is the backend's to say.
    if (!Array.isArray(commit.entries)) return commit;
    const isWhole = (entry: Json) => !isStoredApart(entry) && !maySurpass(entry, limits.value);
    if (commit.entries.every(isWhole)) return commit;
    const blobs = new Set(commit.blobs);
    const entries = await Promise.all(
      commit.entries.map(async (entry: Json, index) => {
        if (isWhole(entry)) return entry;
        const reduced = reduce(entry, limits, `commit.entries[${index}]`);
        const { values } = reduced;
        if (values.length === 0 && !isStoredApart(entry)) return entry;
        const places = await Promise.all(
          values.map(
            async ({ pointer, value }) => [pointer, await this.#put(value, index, pointer)] as const,
          ),
        );
        for (const [, key] of places) blobs.add(key);
        return storedEntry(reduced.entry, places);
      }),
    );
    return { ...commit, entries, ...(blobs.size > 0 && { blobs: [...blobs] }) };
  }

  async #put(value: Json, index: number, pointer: string): Promise<string> {
    const key = hash('sha256', JSON.stringify(value), 'hex');
    try {
      await this.#puts.put(key, () => this.#blobs.put(value));
      return key;
    } catch (error) {
      throw error instanceof TooLargeError ? new EntryTooLargeError(index, pointer, error) : error;
    }
  }

  async #given(taskId: string, commit: StoredCommit): Promise<StoredCommit> {
    if (!commit.entries.some(isStoredApart)) return commit;
    const entries = await Promise.all(
      commit.entries.map((stored, index) =>
        givenEntry(stored, async (hash, pointer) => {
          const value = await this.#blobs.read(hash);
          if (value !== undefined) return value;
          throw new MissingBlobError({ taskId, sequence: commit.sequence, index, pointer, hash });
        }),
      ),
    );
    return { ...commit, entries };
  }
}

function largestOf(entries: readonly Json[]): number {
  const sizes = entries.map((entry) => JSON.stringify(entry).length);
  return sizes.indexOf(Math.max(...sizes));
}

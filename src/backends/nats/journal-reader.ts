/**
 * Reads journals over all generations (invariants G1 to G5).
 *
 * What is read of a closed generation is so for ever. If its stream is gone, another stands for it, or retention has taken
 * it: then the generations are looked at again, and reading begins anew.
 */
import { UnavailableError } from '../errors/unavailable-error.ts';
import { jetStreamCode } from './codes.ts';
import type { Connection } from './connection.ts';
import { type Generation, type Generations, placeOf } from './generations.ts';
import { JetStreamError } from './jetstream-error.ts';
import { type KeptCommit, keptCommit } from './stored-commit.ts';
import { storedMessage } from './stored-message.ts';

/** A commit, and the generation that it was found in. */
export interface FoundCommit extends KeptCommit {
  readonly generation: Generation;
}

const TRIES = 5;

export class JournalReader {
  readonly #connection: Connection;
  readonly #generations: Generations;
  readonly #retention: number;

  constructor(connection: Connection, generations: Generations, retention: number) {
    this.#connection = connection;
    this.#generations = generations;
    this.#retention = retention;
  }

  /** When a journal that ends with a commit is gone, in ms since the epoch. */
  goneAt({ closing, at }: { readonly closing?: boolean; readonly at: number }): number {
    return closing ? at + this.#retention : Number.POSITIVE_INFINITY;
  }

  isGone(last: FoundCommit): boolean {
    return this.goneAt(last.commit) < this.#generations.now();
  }

  /**
   * The last commit that a task has, gone or not.
   *
   * @param isConfirmed Whether the open generation must be known to be so: where nothing else would tell that it is not.
   */
  last(call: string, taskId: string, isConfirmed: boolean): Promise<FoundCommit | undefined> {
    return this.#again(call, async () => {
      const { open } = this.#generations;
      const [found] = await Promise.all([
        this.#lastIn(call, taskId, open),
        isConfirmed ? this.#generations.confirm() : undefined,
      ]);
      if (this.#generations.open.stream !== open.stream) return undefined;
      return { value: found ?? (await this.#lastClosed(call, taskId)) };
    });
  }

  /** The last commit that a task has in closed generations. */
  lastClosed(call: string, taskId: string): Promise<FoundCommit | undefined> {
    return this.#again(call, async () => ({ value: await this.#lastClosed(call, taskId) }));
  }

  /** The commits of a task behind a sequence, the oldest first; none if its journal is gone. */
  async chain(call: string, taskId: string, after: number): Promise<FoundCommit[]> {
    const { commits, last } = await this.remains(call, taskId, after);
    return last && this.isGone(last) ? [] : commits;
  }

  /**
   * What there is of a task's journal behind a sequence, the oldest first, gone or not; of one that is gone, the beginning may
   * be missing.
   */
  remains(
    call: string,
    taskId: string,
    after: number,
  ): Promise<{ readonly commits: FoundCommit[]; readonly last: FoundCommit | undefined }> {
    return this.#again(call, async () => {
      const last = await this.last(call, taskId, true);
      const commits: FoundCommit[] = [];
      for (let found = last; found && found.commit.sequence > after; ) {
        commits.push(found);
        if (found.previous <= after) break;
        const before: FoundCommit | undefined = await this.#before(call, taskId, found);
        if (before?.commit.sequence !== found.previous) {
          if (last && this.isGone(last)) break;
          return undefined;
        }
        found = before;
      }
      return { value: { commits: commits.reverse(), last } };
    });
  }

  async #lastClosed(call: string, taskId: string): Promise<FoundCommit | undefined> {
    const { closed } = this.#generations;
    const all = await Promise.all(closed.map((generation) => this.#lastIn(call, taskId, generation)));
    return all.find((found) => found !== undefined);
  }

  async #lastIn(call: string, taskId: string, generation: Generation): Promise<FoundCommit | undefined> {
    const subject = this.#generations.subjectIn(generation, this.#generations.subjectOfJournal(taskId));
    return this.#get(call, generation, { last_by_subj: subject });
  }

  /** The commit before another of the same task. */
  #before(call: string, taskId: string, { generation, place, previous }: FoundCommit) {
    // Copies of one journal stand side by side.
    if (generation.kind === 'kept') return this.#get(call, generation, { seq: place - 1 });
    const { open, closed } = this.#generations;
    const wanted = placeOf(previous);
    const holder = [open, ...closed].find(
      ({ number, kind }) => kind !== 'kept' && number === wanted.generation,
    );
    if (holder) return this.#get(call, holder, { seq: wanted.place });
    const kept = closed.find(({ kind }) => kind === 'kept');
    return kept && this.#lastIn(call, taskId, kept);
  }

  async #get(
    call: string,
    generation: Generation,
    which: { readonly seq: number } | { readonly last_by_subj: string },
  ): Promise<FoundCommit | undefined> {
    const message = await storedMessage(call, this.#connection, generation.stream, which);
    return message && { ...keptCommit(message, generation.number), generation };
  }

  /** Reads; again on the generations as they are then, if what it came upon was not in its place. */
  async #again<T>(call: string, read: () => Promise<{ readonly value: T } | undefined>): Promise<T> {
    for (let tries = 0; tries < TRIES; tries++) {
      try {
        const found = await read();
        if (found) return found.value;
      } catch (error) {
        if (!(error instanceof JetStreamError && error.code === jetStreamCode.streamNotFound)) throw error;
      }
      await this.#generations.refresh();
    }
    throw new UnavailableError(call, { cause: 'a part of the journal is not where it was' });
  }
}

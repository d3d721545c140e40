/** Finds journals, and reads them, where writes are decided: never stale, wherever they lie (`Generations`, G1). */
import { UnavailableError } from '../errors/unavailable-error.ts';
import { jetStreamCode } from './codes.ts';
import type { Connection } from './connection.ts';
import type { Generations, Location } from './generations.ts';
import { JetStreamError } from './jetstream-error.ts';
import type { DirectoryEntry, JournalDirectory } from './journal-directory.ts';
import { LastPlaces } from './last-places.ts';
import { NoStreamError } from './no-stream-error.ts';
import { commitHeader, type KeptCommit, keptCommit, movedTo } from './stored-commit.ts';
import { type StoredMessage, storedMessage } from './stored-message.ts';

/** What there is of a task's journal. */
export interface Standing {
  /** What the directory says; not known where it was not needed. */
  readonly entry?: DirectoryEntry | undefined;
  /** Where the journal is to be, if its stream is there. */
  readonly location?: Location;
  /** Where the last message on its subject is; 0 for none. */
  readonly place: number;
  /** Its last commit, which may be gone; none if none was appended, or it was given up there. */
  readonly last?: KeptCommit;
  /** Nothing can be appended there any more. */
  readonly isGivenUp?: boolean;
}

const TRIES = 10;

export class JournalReader {
  readonly lastPlaces = new LastPlaces();
  readonly #connection: Connection;
  readonly #generations: Generations;
  readonly #directory: JournalDirectory;
  readonly #retention: number;
  readonly #now: () => number;

  /** @param retention In ms. @param now What time it is, in ms since the epoch. */
  constructor(
    connection: Connection,
    generations: Generations,
    directory: JournalDirectory,
    { retention, now }: { readonly retention: number; readonly now: () => number },
  ) {
    this.#connection = connection;
    this.#generations = generations;
    this.#directory = directory;
    this.#retention = retention;
    this.#now = now;
  }

  /** When a journal that ends with a commit is gone, in ms since the epoch. */
  goneAt({ closing, at }: { readonly closing?: boolean; readonly at: number }): number {
    return closing ? at + this.#retention : Number.POSITIVE_INFINITY;
  }

  /** Whether a time is past. @param ms Since the epoch. */
  isPast(ms: number): boolean {
    return ms < this.#now();
  }

  isGone({ commit }: KeptCommit): boolean {
    return this.isPast(this.goneAt(commit));
  }

  /** The last commit of a task's journal, gone or not. */
  async last(call: string, taskId: string): Promise<KeptCommit | undefined> {
    return (await this.standing(call, taskId)).last;
  }

  async standing(call: string, taskId: string): Promise<Standing> {
    const hint = this.lastPlaces.get(taskId);
    if (hint) {
      // Where a journal has a last commit that is not gone, there it is: one that went on elsewhere ends with that word.
      const standing = await this.#standingAt(call, taskId, hint.location);
      if (standing?.last && !this.isGone(standing.last)) return standing;
    }
    let entry = await this.#directory.entry(call, taskId);
    for (let tries = 0, location = entry?.location; tries < TRIES; tries++) {
      if (!entry || !location) return { entry, place: 0 };
      const standing = await this.#standingAt(call, taskId, location);
      if (standing && !('movedTo' in standing)) return { ...standing, entry };
      if (standing) {
        location = standing.movedTo;
        continue;
      }
      // Its stream is gone: either with the journal, or that was moved, and the directory knows by now.
      await this.#generations.look();
      if (this.#generations.numbers.includes(location.generation)) {
        throw new UnavailableError(call, {
          cause: `${this.#generations.streamOf(location.generation)} is there and not found`,
        });
      }
      await this.#directory.settle(call);
      const again = await this.#directory.entry(call, taskId);
      if (again?.place === entry.place) return { entry, place: 0 };
      entry = again;
      location = again?.location;
    }
    throw new UnavailableError(call, { cause: 'the journal was moved again and again' });
  }

  /** The commits of a task behind a sequence, the oldest first; none if its journal is gone. */
  async chain(call: string, taskId: string, after: number): Promise<KeptCommit[]> {
    const { commits, last } = await this.remains(call, taskId, after);
    return last && this.isGone(last) ? [] : commits;
  }

  /** What there is of a task's journal behind a sequence, the oldest first, gone or not, and its last commit. */
  async remains(
    call: string,
    taskId: string,
    after: number,
  ): Promise<{ readonly commits: KeptCommit[]; readonly last: KeptCommit | undefined }> {
    for (let tries = 0; tries < TRIES; tries++) {
      const { last } = await this.standing(call, taskId);
      try {
        return { commits: await this.#back(call, last, after), last };
      } catch (error) {
        // Its stream went while it was read.
        if (!isStreamGone(error)) throw error;
      }
    }
    throw new UnavailableError(call, { cause: 'the journal was moved again and again' });
  }

  async #back(call: string, last: KeptCommit | undefined, after: number): Promise<KeptCommit[]> {
    const commits: KeptCommit[] = [];
    for (let found = last; found && found.commit.sequence > after; ) {
      commits.push(found);
      if (found.previous <= after) break;
      const { location, placeBefore } = found;
      const message = await this.#message(call, location, { seq: placeBefore });
      if (!message) {
        throw new UnavailableError(call, {
          cause: `message ${placeBefore} is missing from ${this.#generations.streamOf(location.generation)}`,
        });
      }
      found = keptCommit(message, location);
    }
    return commits.reverse();
  }

  /** Nothing if there is no such stream. */
  async #standingAt(
    call: string,
    taskId: string,
    location: Location,
  ): Promise<Standing | { readonly movedTo: Location; readonly last?: never } | undefined> {
    try {
      const message = await this.#lastMessage(call, taskId, location);
      if (!message) return { location, place: 0 };
      const moved = message.header(commitHeader.moved);
      if (moved === undefined) return { location, place: message.seq, last: keptCommit(message, location) };
      const to = movedTo(moved);
      return to ? { movedTo: to } : { location, place: message.seq, isGivenUp: true };
    } catch (error) {
      if (!isStreamGone(error)) throw error;
      return undefined;
    }
  }

  /** Also sees to it that there is none, if none is found. */
  async #lastMessage(call: string, taskId: string, location: Location): Promise<StoredMessage | undefined> {
    const which = { last_by_subj: this.#generations.subjectOfJournal(location, taskId) };
    const message = await this.#message(call, location, which);
    if (message) return message;
    await this.settle(call, location);
    return this.#message(call, location, which);
  }

  /** See `Connection.settle`. */
  async settle(call: string, { generation }: Location): Promise<void> {
    try {
      await this.#connection.settle(call, this.#generations.subjectOfSettling(generation));
    } catch (error) {
      // Its stream is gone, which reading tells.
      if (!(error instanceof UnavailableError && error.cause instanceof NoStreamError)) throw error;
    }
  }

  #message(
    call: string,
    { generation }: Location,
    which: { readonly seq: number } | { readonly last_by_subj: string },
  ): Promise<StoredMessage | undefined> {
    return storedMessage(call, this.#connection, this.#generations.streamOf(generation), which);
  }
}

function isStreamGone(error: unknown): boolean {
  return error instanceof JetStreamError && error.code === jetStreamCode.streamNotFound;
}

/**
 * Invariants:
 * - Of appends that expect the same sequence one wins (B3): each is one publication that names the message that it is to
 *   follow on its journal's subject, and the server compares. What this process believes is a hint, never a proof.
 * - An answer that did not come is not looked for: the caller repeats the same append. One that another commit refuses is
 *   looked up where writes are decided: if that commit is this one, it had been stored.
 * - Each commit names the one before it and its place, so that a journal is read backwards, at the same cost however old it is.
 * - A journal whose last commit is closing is gone once retention has passed since, to the millisecond, for everybody: so its
 *   stream can go at any time after that. What comes under its id then begins anew, in a place of its own; before that, what
 *   there was is given up, so that nobody appends to both.
 */
import { assertPlace, entriesText } from '../arguments.ts';
import { JournalConflictError } from '../errors/journal-conflict-error.ts';
import { UnavailableError } from '../errors/unavailable-error.ts';
import type { Lifetime } from '../lifetime.ts';
import { assertForm } from '../names.ts';
import type { Commit, Journal, StoredCommit, Subscription } from '../port.ts';
import type { NatsBlobs } from './blobs.ts';
import type { Connection } from './connection.ts';
import { type Generations, sequenceAt } from './generations.ts';
import { JetStreamError } from './jetstream-error.ts';
import type { JournalDirectory } from './journal-directory.ts';
import { JournalFollowers } from './journal-followers.ts';
import type { JournalReader, Standing } from './journal-reader.ts';
import type { LastPlace } from './last-places.ts';
import { NoStreamError } from './no-stream-error.ts';
import type { NatsSettings } from './options.ts';
import { assertPayload } from './payload.ts';
import { commitHeaders, commitText, type KeptCommit, movedHeaders } from './stored-commit.ts';

const CALL = 'journal.append';

const TRIES = 10;

export interface NatsJournalOptions {
  readonly connection: Connection;
  readonly settings: NatsSettings;
  readonly lifetime: Lifetime;
  readonly generations: Generations;
  readonly directory: JournalDirectory;
  readonly reader: JournalReader;
  readonly blobs: NatsBlobs;
}

export class NatsJournal implements Journal {
  readonly #connection: Connection;
  readonly #settings: NatsSettings;
  readonly #lifetime: Lifetime;
  readonly #generations: Generations;
  readonly #directory: JournalDirectory;
  readonly #reader: JournalReader;
  readonly #blobs: NatsBlobs;
  readonly #followers: JournalFollowers;

  constructor({ connection, settings, lifetime, generations, directory, reader, blobs }: NatsJournalOptions) {
    this.#connection = connection;
    this.#settings = settings;
    this.#lifetime = lifetime;
    this.#generations = generations;
    this.#directory = directory;
    this.#reader = reader;
    this.#blobs = blobs;
    this.#followers = new JournalFollowers(
      connection,
      (taskId) => generations.filterOfJournals(taskId),
      async (taskId, after) => {
        const remains = await reader.remains('journal.follow', taskId, after);
        return { ...remains, isGone: remains.last !== undefined && reader.isGone(remains.last) };
      },
    );
  }

  async append(taskId: string, expected: number, commit: Commit): Promise<number> {
    this.#lifetime.assertOpen(CALL);
    const text = commitText(commit, entriesText(taskId, expected, commit, this.#settings));
    assertPayload('commit', text, this.#connection.maxPayload);
    const own = { ...commit, ...(commit.blobs && { blobs: [...commit.blobs] }) };
    for (let tries = 0; tries < TRIES; tries++) {
      const last = await this.#last(taskId, expected);
      if (!last) continue;
      if (last.sequence !== expected) return this.#repeated(taskId, expected, own);
      const sequence = await this.#publish(taskId, own, text, last);
      if (sequence === undefined) continue;
      this.#followers.wake(taskId);
      return sequence;
    }
    throw new UnavailableError(CALL, { cause: 'the journal was moved again and again' });
  }

  async *read(taskId: string, position = 0): AsyncGenerator<StoredCommit, void, undefined> {
    this.#lifetime.assertOpen('journal.read');
    assertPlace(taskId, position);
    const chain = await this.#reader.chain('journal.read', taskId, position);
    const last = chain.at(-1);
    if (last) this.#reader.lastPlaces.set(taskId, this.#placeOf(last));
    for (const { commit } of chain) {
      this.#lifetime.assertOpen('journal.read');
      yield commit;
    }
  }

  async last(taskId: string): Promise<StoredCommit | undefined> {
    this.#lifetime.assertOpen('journal.last');
    assertForm('taskId', taskId, 'taskId');
    const last = await this.#reader.last('journal.last', taskId);
    return last && !this.#reader.isGone(last) ? last.commit : undefined;
  }

  async follow(
    taskId: string,
    position: number,
    onCommit: (commit: StoredCommit) => void,
    onGap?: (error: unknown) => void,
  ): Promise<Subscription> {
    this.#lifetime.assertOpen('journal.follow');
    assertPlace(taskId, position);
    return this.#lifetime.subscription(this.#followers.add(taskId, position, { onCommit, onGap }));
  }

  /** What an append is to follow, as far as is known; if that is what it expects, the server decides. @returns Nothing: look again. */
  async #last(taskId: string, expected: number): Promise<LastPlace | undefined> {
    const { lastPlaces } = this.#reader;
    const known = lastPlaces.get(taskId);
    if (known?.sequence === expected && !this.#reader.isPast(known.goneAt)) return known;
    // A task that nobody has heard of here is new, as a rule.
    if (expected === 0 && !known) {
      const begun = await this.#enter(taskId, undefined);
      if (begun) return begun;
    }
    const standing = await this.#reader.standing(CALL, taskId);
    const { last } = standing;
    if (last && !this.#reader.isGone(last)) {
      const place = this.#placeOf(last);
      lastPlaces.set(taskId, place);
      return place;
    }
    return expected === 0 ? this.#begin(taskId, standing) : emptyPlace({ generation: 0, life: '' });
  }

  /** Where a task's journal may begin that has none. @returns Nothing: another was faster, look again. */
  async #begin(
    taskId: string,
    { entry, location, last, place, isGivenUp }: Standing,
  ): Promise<LastPlace | undefined> {
    if (location && !isGivenUp) {
      const isNew = location.generation === (await this.#generations.newest());
      if (isNew && !last) return emptyPlace(location);
      // Whoever believes that it goes on there, or is just about to begin it, is to learn that it does not.
      const subject = this.#generations.subjectOfJournal(location, taskId);
      try {
        await this.#connection.publish(CALL, subject, '', movedHeaders(undefined, place));
      } catch (error) {
        if (error instanceof JetStreamError && error.isWrongLastSequence) return undefined;
        throw error;
      }
    }
    return this.#enter(taskId, entry);
  }

  /** Chooses where a journal begins. @returns Nothing: another did. */
  async #enter(taskId: string, before: Standing['entry']): Promise<LastPlace | undefined> {
    const generation = await this.#generations.newest();
    const location = { generation, life: String(before?.place ?? 0) };
    return (await this.#directory.enter(CALL, taskId, before, location)) ? emptyPlace(location) : undefined;
  }

  #placeOf({ commit, location, place }: KeptCommit): LastPlace {
    return { sequence: commit.sequence, location, place, goneAt: this.#reader.goneAt(commit) };
  }

  /** @returns The commit's sequence; nothing if it is to be tried again, with what is known then. */
  async #publish(taskId: string, commit: Commit, text: string, last: LastPlace): Promise<number | undefined> {
    const { location, place } = last;
    const { lastPlaces } = this.#reader;
    try {
      await this.#blobs.hold(commit.blobs ?? [], location.generation);
      const subject = this.#generations.subjectOfJournal(location, taskId);
      const headers = commitHeaders(taskId, commit, last.sequence, place);
      const stored = await this.#connection.publish(CALL, subject, text, headers);
      const sequence = sequenceAt(location.generation, stored.seq);
      // The server's clock decides when one that is closed is gone: that is read before it is believed.
      const goneAt = commit.closing ? 0 : Number.POSITIVE_INFINITY;
      if (!stored.duplicate) lastPlaces.set(taskId, { sequence, location, place: stored.seq, goneAt });
      return sequence;
    } catch (error) {
      lastPlaces.delete(taskId);
      if (error instanceof JetStreamError && error.isWrongLastSequence) {
        // No new task then: what stands there is to be looked up.
        lastPlaces.set(taskId, { sequence: -1, location, place: 0, goneAt: 0 });
        return undefined;
      }
      if (!(error instanceof UnavailableError && error.cause instanceof NoStreamError)) throw error;
      await this.#generations.look();
      return undefined;
    }
  }

  /** The sequence of a commit that does not follow the last one, if it was stored before. @throws {JournalConflictError} */
  async #repeated(taskId: string, expected: number, commit: Commit): Promise<number> {
    let last = await this.#reader.last(CALL, taskId);
    if (last && last.commit.sequence < expected) {
      // Who was just elected may not have it yet.
      await this.#reader.settle(CALL, last.location);
      last = await this.#reader.last(CALL, taskId);
    }
    const standing = last && !this.#reader.isGone(last) ? last.commit : undefined;
    if (standing?.id === commit.id) return standing.sequence;
    // Were this append a repeated one, its commit would stand right behind the one that it expects.
    const [next] = standing ? await this.#reader.chain(CALL, taskId, expected) : [];
    if (next?.commit.id === commit.id) return next.commit.sequence;
    throw new JournalConflictError(taskId, expected, {
      sequence: standing?.sequence ?? 0,
      writer: standing?.writer,
    });
  }
}

function emptyPlace(location: LastPlace['location']): LastPlace {
  return { sequence: 0, location, place: 0, goneAt: Number.POSITIVE_INFINITY };
}

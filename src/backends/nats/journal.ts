/**
 * Invariants:
 * - Of appends that expect the same sequence one wins (B3): each is one publication that names the stream and the message
 *   that it is to follow there, and the server compares. What this process believes is a hint, never a proof.
 * - An answer that did not come is not looked for: the caller repeats the same append. One that another commit refuses is
 *   looked up where writes are decided: if that commit is this one, it had been stored.
 * - Each commit names the one before it, so that a journal is read backwards by places, at the same cost however old it is.
 * - A journal whose last commit is closing is gone once retention has passed since, to the millisecond, for everybody: so its
 *   stream can go at any time after that. What comes under its id then begins anew.
 */
import { headers as makeHeaders } from 'nats';
import { assertPlace, entriesText } from '../arguments.ts';
import { JournalConflictError } from '../errors/journal-conflict-error.ts';
import { UnavailableError } from '../errors/unavailable-error.ts';
import type { Lifetime } from '../lifetime.ts';
import { assertForm } from '../names.ts';
import type { Commit, Journal, StoredCommit, Subscription } from '../port.ts';
import type { NatsBlobs } from './blobs.ts';
import { jetStreamCode } from './codes.ts';
import type { Connection } from './connection.ts';
import { type Generation, type Generations, sequenceAt } from './generations.ts';
import { JetStreamError } from './jetstream-error.ts';
import { JournalFollowers } from './journal-followers.ts';
import type { FoundCommit, JournalReader } from './journal-reader.ts';
import { type LastPlace, LastPlaces } from './last-places.ts';
import { NoStreamError } from './no-stream-error.ts';
import type { NatsSettings } from './options.ts';
import { assertPayload } from './payload.ts';
import { commitHeaders, commitText, expectedHeader } from './stored-commit.ts';

const TRIES = 5;

export class NatsJournal implements Journal {
  readonly #connection: Connection;
  readonly #settings: NatsSettings;
  readonly #lifetime: Lifetime;
  readonly #generations: Generations;
  readonly #blobs: NatsBlobs;
  readonly #reader: JournalReader;
  readonly #lastPlaces = new LastPlaces();
  readonly #followers: JournalFollowers;

  constructor(
    connection: Connection,
    settings: NatsSettings,
    lifetime: Lifetime,
    generations: Generations,
    reader: JournalReader,
    blobs: NatsBlobs,
  ) {
    this.#connection = connection;
    this.#settings = settings;
    this.#lifetime = lifetime;
    this.#generations = generations;
    this.#blobs = blobs;
    this.#reader = reader;
    this.#followers = new JournalFollowers(
      connection,
      (taskId) => generations.subjectOfJournal(taskId),
      async (taskId, after) => {
        const remains = await reader.remains('journal.follow', taskId, after);
        return { ...remains, isGone: remains.last !== undefined && reader.isGone(remains.last) };
      },
    );
  }

  async append(taskId: string, expected: number, commit: Commit): Promise<number> {
    this.#lifetime.assertOpen('journal.append');
    const text = commitText(commit, entriesText(taskId, expected, commit, this.#settings));
    assertPayload('commit', text, this.#connection.maxPayload);
    const own = { ...commit, ...(commit.blobs && { blobs: [...commit.blobs] }) };
    for (let tries = 0; tries < TRIES; tries++) {
      const { open } = this.#generations;
      const last = await this.#last(taskId, expected, open, tries === 0);
      if (last.sequence !== expected) return this.#repeated(taskId, expected, own);
      const place = await this.#publish(taskId, own, text, open, last);
      if (place === undefined) continue;
      const sequence = sequenceAt(open.number, place);
      this.#followers.wake(taskId);
      return sequence;
    }
    throw new UnavailableError('journal.append', { cause: 'the journals were turned over again and again' });
  }

  async *read(taskId: string, position = 0): AsyncGenerator<StoredCommit, void, undefined> {
    this.#lifetime.assertOpen('journal.read');
    assertPlace(taskId, position);
    const { open } = this.#generations;
    const chain = await this.#reader.chain('journal.read', taskId, position);
    const last = chain.at(-1);
    if (last && this.#generations.open === open) this.#lastPlaces.set(taskId, this.#placeOf(last, open));
    for (const { commit } of chain) {
      this.#lifetime.assertOpen('journal.read');
      yield commit;
    }
  }

  async last(taskId: string): Promise<StoredCommit | undefined> {
    this.#lifetime.assertOpen('journal.last');
    assertForm('taskId', taskId, 'taskId');
    const last = await this.#reader.last('journal.last', taskId, true);
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

  /**
   * What an append is to follow, as far as is known; if that is what it expects, the server decides.
   *
   * @param isFirst Whether the server was not asked yet, and need not be read for what it compares itself.
   */
  async #last(taskId: string, expected: number, open: Generation, isFirst: boolean): Promise<LastPlace> {
    const known = this.#lastPlaces.get(taskId);
    if (
      known?.generation === open.number &&
      known.sequence === expected &&
      known.goneAt >= this.#generations.now()
    ) {
      return known;
    }
    const found =
      isFirst && expected === 0 && !known
        ? await this.#reader.lastClosed('journal.append', taskId)
        : await this.#reader.last('journal.append', taskId, false);
    if (!found) return { sequence: 0, place: 0, generation: open.number, goneAt: Number.POSITIVE_INFINITY };
    const last = this.#placeOf(found, open);
    this.#lastPlaces.set(taskId, last);
    return last;
  }

  #placeOf(found: FoundCommit, open: Generation): LastPlace {
    const isGone = this.#reader.isGone(found);
    return {
      sequence: isGone ? 0 : found.commit.sequence,
      place: found.generation.stream === open.stream ? found.place : 0,
      generation: open.number,
      goneAt: isGone ? Number.POSITIVE_INFINITY : this.#reader.goneAt(found.commit),
    };
  }

  /** @returns Where it is stored; nothing if it is to be tried again, with what is known then. */
  async #publish(
    taskId: string,
    commit: Commit,
    text: string,
    { number, stream }: Generation,
    last: LastPlace,
  ): Promise<number | undefined> {
    try {
      await this.#blobs.hold(commit.blobs ?? [], stream);
      if (last.sequence > 0 && last.place === 0 && last.goneAt < Number.POSITIVE_INFINITY) {
        await this.#noteReopening(taskId, stream);
      }
      const subject = this.#generations.subjectOfJournal(taskId);
      const where = { stream, previous: last.sequence, place: last.place };
      const headers = commitHeaders(taskId, commit, where);
      const stored = await this.#connection.publish('journal.append', subject, text, headers);
      if (!stored.duplicate) {
        this.#lastPlaces.set(taskId, {
          sequence: sequenceAt(number, stored.seq),
          place: stored.seq,
          generation: number,
          // The server's clock decides when it is gone: read it before that is believed.
          goneAt: commit.closing ? 0 : Number.POSITIVE_INFINITY,
        });
      }
      return stored.seq;
    } catch (error) {
      this.#lastPlaces.delete(taskId);
      if (error instanceof JetStreamError && error.isWrongLastSequence) return undefined;
      const isMismatch = error instanceof JetStreamError && error.code === jetStreamCode.streamMismatch;
      const isNowhere = error instanceof UnavailableError && error.cause instanceof NoStreamError;
      if (!isMismatch && !isNowhere) throw error;
      await this.#generations.refresh();
      return undefined;
    }
  }

  /** Before a commit follows a closing one of an earlier generation: else that one would go with its generation. */
  async #noteReopening(taskId: string, stream: string): Promise<void> {
    const headers = makeHeaders();
    headers.set(expectedHeader.stream, stream);
    await this.#connection.publish(
      'journal.append',
      this.#generations.subjectOfReopening(taskId),
      '',
      headers,
    );
  }

  /** The sequence of a commit that does not follow the last one, if it was stored before. @throws {JournalConflictError} */
  async #repeated(taskId: string, expected: number, commit: Commit): Promise<number> {
    const last = await this.#reader.last('journal.append', taskId, false);
    const standing = last && !this.#reader.isGone(last) ? last.commit : undefined;
    if (standing?.id === commit.id) return standing.sequence;
    // Were this append a repeated one, its commit would stand right behind the one that it expects.
    const [next] = standing ? await this.#reader.chain('journal.append', taskId, expected) : [];
    if (next?.commit.id === commit.id) return next.commit.sequence;
    throw new JournalConflictError(taskId, expected, {
      sequence: standing?.sequence ?? 0,
      writer: standing?.writer,
    });
  }
}

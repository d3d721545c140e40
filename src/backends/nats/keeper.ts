/**
 * Retention: what is over goes, a generation at a time.
 *
 * Invariants:
 * - K1. A generation is *due* once retention (an hour at least, for blobs that were only put) has passed since the next one was
 *   opened: every journal that ended in it is gone by then for everybody, and can be opened again by nobody.
 * - K2. What is left of due generations, that is journals that are not gone, with their blobs, is copied first, into a stream
 *   that is complete in one step or never. From that step on it stands for them all, and they may go at any time, in any order.
 * - K3. Due generations never change, so the copy needs no fence: whoever appends meanwhile does so elsewhere.
 * - K4. Every worker does this, at its own times; two that do it at once make two copies, of which all take the same one.
 * - K5. It keeps no process alive, and works beside the others: a few journals at a time. What fails is reported and begun
 *   anew the next time.
 */
import { headers as makeHeaders, nuid } from 'nats';
import pMap from 'p-map';
import { UnavailableError } from '../errors/unavailable-error.ts';
import { reportFailure } from '../report.ts';
import type { NatsBlobs } from './blobs.ts';
import type { Connection } from './connection.ts';
import { type Generation, type Generations, KEPT, placeOf } from './generations.ts';
import type { FoundCommit, JournalReader } from './journal-reader.ts';
import type { NatsSettings } from './options.ts';
import { commitHeader, commitText } from './stored-commit.ts';
import { scanStream } from './stream-scan.ts';
import { configOf, createStream, deleteStream, streamInfo } from './streams.ts';

const CALL = 'retention';

const HOUR = 60 * 60 * 1000;

/** How long one generation is open at most, in ms: what is over goes within a day after retention. */
const LONGEST = 20 * HOUR;

/** How often it is looked, in ms: ten times a retention, an hour at most. */
const MOST_INTERVAL = HOUR;
const LEAST_INTERVAL = 1_000;

/** How long a copy may take, in ms; one that is not complete by then was given up. */
const LONGEST_COPY = 6 * HOUR;

/** How many journals are read at a time. */
const JOURNALS = 16;

export interface KeeperOptions {
  readonly connection: Connection;
  readonly settings: NatsSettings;
  readonly generations: Generations;
  readonly reader: JournalReader;
  readonly blobs: NatsBlobs;
  /** How long a generation stays at least after it was open, in ms. @default an hour */
  readonly leastStay?: number;
}

export class Keeper {
  readonly #connection: Connection;
  readonly #settings: NatsSettings;
  readonly #generations: Generations;
  readonly #reader: JournalReader;
  readonly #blobs: NatsBlobs;
  readonly #stay: number;
  #timer: NodeJS.Timeout | undefined;
  readonly #closing = new AbortController();
  #looking: Promise<void> | undefined;

  constructor({ connection, settings, generations, reader, blobs, leastStay = HOUR }: KeeperOptions) {
    this.#connection = connection;
    this.#settings = settings;
    this.#generations = generations;
    this.#reader = reader;
    this.#blobs = blobs;
    // Clocks of several machines differ.
    const margin = Math.min(settings.retention / 10, 10 * 60 * 1000);
    this.#stay = Math.max(settings.retention, leastStay) + margin;
  }

  /** Looks now and then from now on. */
  start(): void {
    this.#setTimer();
  }

  async stop(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#timer);
    await this.#looking;
  }

  /** Does all that is to be done now. */
  async look(): Promise<void> {
    await this.#generations.refresh();
    const { open } = this.#generations;
    const age = this.#generations.now() - open.createdAt;
    if (age > Math.min(this.#settings.retention, LONGEST) && (await this.#hasMessages(open))) {
      await this.#generations.turnOver(open);
    }
    const due = this.#due();
    const newest = due.at(-1);
    if (newest && !(await this.#isBeingCopied(newest.number))) {
      const copy = await this.#copy(due, newest.number);
      await this.#generations.refresh();
      // Where nothing was left there is no copy that stands for them.
      if (!copy) await this.#drop(due);
    }
    await this.#drop(await this.#generations.leftovers(LONGEST_COPY));
    await this.#generations.refresh();
  }

  #setTimer(): void {
    const interval = Math.max(Math.min(this.#settings.retention / 10, MOST_INTERVAL), LEAST_INTERVAL);
    const run = async (): Promise<void> => {
      try {
        await this.look();
      } catch (error) {
        // What is away comes back.
        if (!this.#closing.signal.aborted && !(error instanceof UnavailableError)) {
          reportFailure('Retention could not be kept; it is tried again', error);
        }
      }
      if (!this.#closing.signal.aborted) this.#setTimer();
    };
    this.#timer = setTimeout(
      () => {
        this.#looking = run();
      },
      interval * (0.75 + Math.random() / 2),
    );
    this.#timer.unref();
  }

  async #hasMessages({ stream }: Generation): Promise<boolean> {
    return ((await streamInfo(this.#connection, stream))?.state.messages ?? 0) > 0;
  }

  /** The generations whose time is over, and what was kept of earlier ones, the oldest first; none if none has come to be so. */
  #due(): Generation[] {
    const { open, closed } = this.#generations;
    const oldestFirst = [...closed].reverse();
    const due = oldestFirst.filter((generation, index) => {
      const next = oldestFirst[index + 1] ?? open;
      return generation.kind === 'kept' || next.createdAt + this.#stay < this.#generations.now();
    });
    return due.some(({ kind }) => kind === 'sealed') ? due : [];
  }

  /** Whether another worker is at it, or was, not so long ago. */
  async #isBeingCopied(number: number): Promise<boolean> {
    const copies = await this.#generations.copies();
    return copies.some(
      (copy) => copy.number === number && this.#generations.now() - copy.createdAt < LONGEST_COPY,
    );
  }

  /** @returns Whether there was anything to copy. */
  async #copy(due: readonly Generation[], number: number): Promise<boolean> {
    const taskIds = await this.#openIn(due);
    let copy: Copy | undefined;
    for (let done = 0; done < taskIds.length; done += JOURNALS) {
      const chains = await pMap(taskIds.slice(done, done + JOURNALS), (taskId) =>
        this.#leftOf(taskId, number),
      );
      for (const { taskId, commits } of chains) {
        if (commits.length === 0) continue;
        if (this.#closing.signal.aborted)
          throw new UnavailableError(CALL, { cause: 'the backend was closed' });
        copy ??= await Copy.begin(this.#connection, this.#settings, this.#generations, number);
        for (const { commit } of commits) {
          for (const hash of commit.blobs ?? []) await copy.addBlob(hash, this.#blobs);
        }
        await copy.addJournal(taskId, commits);
      }
    }
    await copy?.complete();
    return copy !== undefined;
  }

  /** The tasks whose last commit in these generations does not close them, or not for good. */
  async #openIn(due: readonly Generation[]): Promise<string[]> {
    const found = new Set<string>();
    for (const generation of due) {
      const prefix = this.#generations.subjectIn(generation, this.#generations.subjectOfJournal(''));
      const { signal } = this.#closing;
      const target = { stream: generation.stream, inboxPrefix: this.#settings.inboxPrefix, signal };
      await scanStream(CALL, this.#connection, target, ({ subject, headers }) => {
        if (!subject.startsWith(prefix)) return;
        const taskId = subject.slice(prefix.length);
        if (headers?.has(commitHeader.closing)) found.delete(taskId);
        else found.add(taskId);
      });
    }
    for (const taskId of await this.#generations.reopenedSince(due.at(-1)?.number ?? 0)) found.add(taskId);
    return [...found];
  }

  /** The commits of a task up to a generation, if its journal is not gone. */
  async #leftOf(taskId: string, number: number): Promise<{ taskId: string; commits: FoundCommit[] }> {
    const chain = await this.#reader.chain(CALL, taskId, 0);
    return { taskId, commits: chain.filter(({ commit }) => placeOf(commit.sequence).generation <= number) };
  }

  async #drop(all: readonly Generation[]): Promise<void> {
    for (const { stream } of all) await deleteStream(this.#connection, stream);
  }
}

/** A stream that is to stand for all generations up to a number. */
class Copy {
  readonly #connection: Connection;
  readonly #generations: Generations;
  readonly #generation: Generation;
  readonly #blobs = new Set<string>();
  #count = 0;

  private constructor(connection: Connection, generations: Generations, generation: Generation) {
    this.#connection = connection;
    this.#generations = generations;
    this.#generation = generation;
  }

  static async begin(
    connection: Connection,
    settings: NatsSettings,
    generations: Generations,
    number: number,
  ): Promise<Copy> {
    const stream = generations.nameOfCopy(number, nuid.next());
    const generation: Generation = { number, stream, createdAt: generations.now(), kind: 'kept' };
    const purpose = 'what is kept of earlier journals (being copied)';
    const subjects = [generations.subjectIn(generation, '>')];
    await createStream(connection, configOf(settings, { name: stream, subjects, purpose }));
    return new Copy(connection, generations, generation);
  }

  /** One commit behind the other, so that each is found behind the one before it. */
  async addJournal(taskId: string, commits: readonly FoundCommit[]): Promise<void> {
    const subject = this.#generations.subjectOfJournal(taskId);
    await Promise.all(
      commits.map(({ commit, previous }) => {
        const { sequence, at, entries, ...rest } = commit;
        const headers = makeHeaders();
        headers.set(commitHeader.previous, String(previous));
        headers.set(commitHeader.sequence, String(sequence));
        headers.set(commitHeader.at, String(at));
        if (commit.closing) headers.set(commitHeader.closing, '1');
        return this.#add(subject, commitText({ ...rest, entries }, JSON.stringify(entries)), headers);
      }),
    );
  }

  async addBlob(hash: string, blobs: NatsBlobs): Promise<void> {
    if (this.#blobs.has(hash)) return;
    this.#blobs.add(hash);
    for await (const { part, content } of blobs.parts(CALL, hash)) {
      await this.#add(this.#generations.subjectOfBlob(hash, part), content);
    }
  }

  /** In one step, from which on it counts and changes no more. */
  async complete(): Promise<void> {
    const { stream } = this.#generation;
    const info = await streamInfo(this.#connection, stream);
    if (info?.state.messages !== this.#count) {
      throw new UnavailableError(CALL, { cause: `${stream} has not what was copied to it` });
    }
    await this.#connection.api(CALL, `STREAM.UPDATE.${stream}`, {
      ...info.config,
      description: KEPT,
      subjects: [this.#generations.sealedSubject(stream)],
    });
  }

  async #add(subject: string, content: string | Uint8Array, headers = makeHeaders()): Promise<void> {
    const expected = ++this.#count;
    const stored = await this.#connection.publish(
      CALL,
      this.#generations.subjectIn(this.#generation, subject),
      content,
      headers,
    );
    if (stored.seq === expected && stored.stream === this.#generation.stream) return;
    throw new UnavailableError(CALL, { cause: `${this.#generation.stream} was written to by another` });
  }
}

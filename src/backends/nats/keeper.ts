/**
 * Retention: what is over goes, a generation at a time (`Generations`).
 *
 * Invariants:
 * - K1. A generation is cleared once retention (an hour at least) has passed since the next one was made: nothing begins in it
 *   any more, and what ended before is over.
 * - K2. A journal in it that is not over is moved: all of it, and its blobs, is copied to a place of its own in the newest
 *   generation; then one message ends it where it was, behind the very commit that was copied last, and says where it
 *   goes on; then the directory says so. Whoever appends meanwhile comes before that message, and is copied too, or after it,
 *   and is refused and looks where it went. What is copied counts for nobody before that.
 * - K3. Only then the generation goes, and with it what was over. A generation goes after all that are older.
 * - K4. Every worker does this, at its own times. Of two that move a journal one ends it; what the other copied counts for nobody,
 *   and goes with the generation that it was copied to.
 * - K5. It keeps no process alive, and works beside the others: a few journals at a time. What fails is reported and begun
 *   anew the next time.
 */
import { nuid } from 'nats';
import pMap from 'p-map';
import { UnavailableError } from '../errors/unavailable-error.ts';
import { reportFailure } from '../report.ts';
import type { NatsBlobs } from './blobs.ts';
import type { Connection } from './connection.ts';
import { FRESH, type Generations, type Location } from './generations.ts';
import { JetStreamError } from './jetstream-error.ts';
import type { JournalDirectory } from './journal-directory.ts';
import type { JournalReader } from './journal-reader.ts';
import type { NatsSettings } from './options.ts';
import { commitHeader, copyOf, movedHeaders } from './stored-commit.ts';
import { scanStream } from './stream-scan.ts';
import { type StreamInfo, streamInfo } from './streams.ts';

const CALL = 'retention';

const HOUR = 60 * 60 * 1000;

/** How long the newest generation is so at most, in ms: what is over goes within a day after retention. */
const LONGEST = 20 * HOUR;

/** How often it is looked, in ms: ten times a retention, an hour at most. */
const MOST_INTERVAL = HOUR;
const LEAST_INTERVAL = 1_000;

/** How far the clocks of machines may be apart, in ms. */
const SKEW = 10 * 60 * 1000;

/** How often it is tried to end a journal in its place, while others append to it. */
const TRIES = 1_000;

/** How many journals are moved at a time. */
const JOURNALS = 8;

export interface KeeperOptions {
  readonly connection: Connection;
  readonly settings: NatsSettings;
  readonly generations: Generations;
  readonly directory: JournalDirectory;
  readonly reader: JournalReader;
  readonly blobs: NatsBlobs;
  /** What time it is, in ms since the epoch. */
  readonly now: () => number;
  /** How long a generation stays at least after the next one was made, in ms. @default an hour, and what G2 asks for */
  readonly leastStay?: number | undefined;
}

/** A place of a journal in a generation that is to be cleared. */
interface Candidate extends Location {
  readonly taskId: string;
}

export class Keeper {
  readonly #options: KeeperOptions;
  readonly #stay: number;
  readonly #skew: number;
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(options: KeeperOptions) {
    this.#options = options;
    const { retention } = options.settings;
    this.#skew = Math.min(retention / 10, SKEW);
    this.#stay = Math.max(retention, options.leastStay ?? HOUR + FRESH) + this.#skew;
  }

  /** Looks now and then from now on. */
  start(): void {
    const { retention } = this.#options.settings;
    const interval = Math.max(Math.min(retention / 10, MOST_INTERVAL), LEAST_INTERVAL);
    const ms = interval * (0.75 + Math.random() / 2);
    this.#timer = setTimeout(() => {
      this.#looking = this.#lookAndGoOn();
    }, ms);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#timer);
    await this.#looking;
  }

  /** Does all that is to be done now. */
  async look(): Promise<void> {
    const { generations, directory, settings, now } = this.#options;
    await generations.look();
    const { numbers } = generations;
    const infos = await pMap(numbers, (number) => this.#info(number));
    const newest = infos.at(-1);
    const number = numbers.at(-1);
    if (newest && number !== undefined && newest.state.messages > 0) {
      const age = now() - Date.parse(newest.created);
      if (age > Math.min(settings.retention, LONGEST)) await generations.turnOver(number);
    }
    let isAnyGone = false;
    for (const [index, generation] of numbers.entries()) {
      const next = infos[index + 1];
      if (!next || Date.parse(next.created) + this.#stay >= now()) break;
      await this.#clear(generation);
      isAnyGone = true;
    }
    if (!isAnyGone) return;
    const isThere = (generation: number): boolean => generations.numbers.includes(generation);
    await directory.trim(CALL, isThere, this.#closing.signal);
  }

  async #lookAndGoOn(): Promise<void> {
    try {
      await this.look();
    } catch (error) {
      // What is away comes back.
      if (!this.#closing.signal.aborted && this.#options.connection.isConnected) {
        reportFailure('Retention could not be kept; it is tried again', error);
      }
    }
    if (!this.#closing.signal.aborted) this.start();
  }

  #info(generation: number): Promise<StreamInfo | undefined> {
    const { connection, generations } = this.#options;
    return streamInfo(connection, generations.streamOf(generation));
  }

  async #clear(generation: number): Promise<void> {
    const { generations } = this.#options;
    await pMap(await this.#candidates(generation), (candidate) => this.#moveIfNeeded(candidate), {
      concurrency: JOURNALS,
    });
    await generations.drop(generation);
  }

  /** The places whose last message does not say that all is over there. */
  async #candidates(generation: number): Promise<Candidate[]> {
    const { connection, generations, settings, reader, now } = this.#options;
    const found = new Map<string, Candidate>();
    const { signal } = this.#closing;
    const target = { stream: generations.streamOf(generation), inboxPrefix: settings.inboxPrefix, signal };
    await scanStream(CALL, connection, target, ({ subject, headers }, info) => {
      const place = generations.journalOf(subject);
      if (!place) return true;
      const at = Number(headers?.get(commitHeader.at) || info.at);
      const closing = headers?.has(commitHeader.closing) ?? false;
      if (reader.goneAt({ closing, at }) + this.#skew < now()) found.delete(subject);
      else found.set(subject, place);
      return true;
    });
    return [...found.values()];
  }

  async #moveIfNeeded({ taskId, generation, life }: Candidate): Promise<void> {
    const { directory, reader, now } = this.#options;
    for (;;) {
      if (this.#closing.signal.aborted) throw new UnavailableError(CALL, { cause: 'the backend was closed' });
      const entry = await directory.entry(CALL, taskId);
      // What the directory does not name is what nobody completed, or went on elsewhere.
      if (entry?.location.generation !== generation || entry.location.life !== life) return;
      const { location: at, last } = await reader.standing(CALL, taskId);
      if (!at) return;
      // Another worker has ended it here; should it stop there, the directory is still to learn.
      const isElsewhere = at.generation !== generation || at.life !== life;
      if (!isElsewhere && (!last || reader.goneAt(last.commit) + this.#skew < now())) return;
      const to = isElsewhere ? at : await this.#move(taskId, at);
      if (to) await directory.enter(CALL, taskId, entry, to);
    }
  }

  /** @returns Where to; nothing if another ended it here. */
  async #move(taskId: string, from: Location): Promise<Location | undefined> {
    const { connection, generations, reader, blobs } = this.#options;
    const to = { generation: await generations.newest(), life: nuid.next() };
    const subject = generations.subjectOfJournal(to, taskId);
    for (let copied = 0, place = 0, tries = 0; tries < TRIES; tries++) {
      const { commits, last } = await reader.remains(CALL, taskId, copied);
      for (const kept of commits) {
        await blobs.hold(kept.commit.blobs ?? [], to.generation);
        const { text, headers } = copyOf(kept, place);
        place = (await connection.publish(CALL, subject, text, headers)).seq;
        copied = kept.commit.sequence;
      }
      if (last?.location.life !== from.life || last.location.generation !== from.generation) return undefined;
      try {
        const here = generations.subjectOfJournal(from, taskId);
        await connection.publish(CALL, here, '', movedHeaders(to, last.place));
        return to;
      } catch (error) {
        // Somebody appended to it meanwhile: that is to be copied too.
        if (!(error instanceof JetStreamError && error.isWrongLastSequence)) throw error;
      }
    }
    throw new UnavailableError(CALL, {
      cause: `the journal of task ${taskId} grows faster than it is copied`,
    });
  }
}

/**
 * The streams that hold journals and their blobs, by generations, so that what is over goes by the stream.
 *
 * Invariants:
 * - G1. A journal lies in one generation; which one, the directory says (`JournalDirectory`). Its messages are on one subject
 *   of that generation's stream, and that stream alone decides between two writers.
 * - G2. What begins, begins in the newest generation, as far as is known: whoever begins something has looked within `FRESH`.
 *   So `FRESH` after the next one was made nothing begins in a generation any more, whoever was asleep meanwhile: a server
 *   has closed the connection of a process that sleeps so long.
 * - G3. A generation that is old enough is *cleared*: the journals in it that are not over are moved to the newest, and it goes
 *   with all that it holds (`Keeper`).
 * - G4. Generations are numbered upwards; sequences of commits hold the number, so they grow over all generations.
 * - G5. No setting of a stream is ever changed for this. (A cluster of nats-server 2.9 whose streams' subjects were changed
 *   may not survive a restart: it replays each change.)
 */
import { UnavailableError } from '../errors/unavailable-error.ts';
import { reportFailure } from '../report.ts';
import type { Connection } from './connection.ts';
import type { NatsSettings } from './options.ts';
import { bringUpToDate, configOf, createStream, deleteStream, streamInfo, streamNames } from './streams.ts';

/** Where a journal lies: on a subject of its own in a generation. */
export interface Location {
  readonly generation: number;
  /** Tells several journals of a task in a generation apart: one that is gone, one begun anew, one that is being copied. */
  readonly life: string;
}

/** How many messages a generation holds at most: sequences are `number × MOST + place in the stream`. */
const MOST = 2 ** 36;

/** How long what was known of generations may be relied on to begin something, in ms. */
export const FRESH = 10 * 60 * 1000;

/** The sequence of a commit that is stored at a place in a generation's stream. */
export function sequenceAt(generation: number, place: number): number {
  return generation * MOST + place;
}

export class Generations {
  readonly #connection: Connection;
  readonly #settings: NatsSettings;
  readonly #pattern: RegExp;
  /** The numbers of those that there are, upwards. */
  #numbers: readonly number[] = [];
  #newest = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;

  constructor(connection: Connection, settings: NatsSettings) {
    this.#connection = connection;
    this.#settings = settings;
    this.#pattern = new RegExp(`^${settings.prefix.toUpperCase()}_JOURNAL_(\\d+)$`);
  }

  /** The numbers of those that there were when it was looked last, upwards. */
  get numbers(): readonly number[] {
    return this.#numbers;
  }

  streamOf(generation: number): string {
    return `${this.#settings.prefix.toUpperCase()}_JOURNAL_${generation}`;
  }

  subjectOfJournal({ generation, life }: Location, taskId: string): string {
    return `${this.#settings.prefix}.journal.${generation}.${taskId}.${life}`;
  }

  /** Of what settles a generation's stream (`Connection.settle`): no task has this id. */
  subjectOfSettling(generation: number): string {
    return `${this.#settings.prefix}.journal.${generation}.=.=`;
  }

  /** Of all that is appended to the journals of a task, wherever they lie. */
  filterOfJournals(taskId: string): string {
    return `${this.#settings.prefix}.journal.*.${taskId}.*`;
  }

  /** Whose a message of a generation's stream is, if it is one of a journal. */
  journalOf(subject: string): (Location & { readonly taskId: string }) | undefined {
    const prefix = `${this.#settings.prefix}.journal.`;
    if (!subject.startsWith(prefix)) return undefined;
    const [generation, taskId = '', life = ''] = subject.slice(prefix.length).split('.');
    return { generation: Number(generation), taskId, life };
  }

  subjectOfBlob(generation: number, hash: string, part: string): string {
    return `${this.#settings.prefix}.blob.${generation}.${hash}.${part}`;
  }

  /** To be called once, before all else. @throws {StreamDifferenceError} The newest generation is not as it is to be. */
  async start(): Promise<void> {
    await this.look();
    const info = await streamInfo(this.#connection, this.streamOf(this.#newest));
    if (info) await bringUpToDate(this.#connection, info, this.#config(this.#newest));
  }

  /** The number of the generation in which something may begin now. */
  async newest(): Promise<number> {
    // By a clock that goes on while the process sleeps, and that nobody sets.
    if (performance.now() - this.#lookedAt > FRESH) await this.look();
    return this.#newest;
  }

  /** Looks which generations there are, and makes one if there is none. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** Makes the next generation. Several workers may do so at once: one of the number is made. */
  async turnOver(from: number): Promise<void> {
    await createStream(this.#connection, this.#config(from + 1));
    await this.look();
  }

  async drop(generation: number): Promise<void> {
    await deleteStream(this.#connection, this.streamOf(generation));
    await this.look();
  }

  async #look(): Promise<void> {
    const lookedAt = performance.now();
    const numbers = await this.#list();
    const newest = numbers.at(-1);
    if (newest === undefined || newest < this.#newest) {
      const gone = this.streamOf(this.#newest);
      if (this.#newest > 0) {
        if (await streamInfo(this.#connection, gone)) {
          throw new UnavailableError('natsBackend', { cause: `${gone} is there and not named` });
        }
        const lost = 'somebody had deleted it, with all that it held';
        reportFailure(`A stream of journals was made anew, because ${gone} was gone`, lost);
      }
      // One that was deleted has given sequences too.
      await createStream(this.#connection, this.#config(this.#newest + 1));
      return this.#look();
    }
    this.#numbers = numbers;
    this.#newest = newest;
    this.#lookedAt = lookedAt;
  }

  async #list(): Promise<number[]> {
    const names = await streamNames(this.#connection);
    return names
      .flatMap((name) => this.#pattern.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  }

  #config(generation: number) {
    const { prefix, duplicateWindow, retention } = this.#settings;
    return configOf(
      { ...this.#settings, duplicateWindow: Math.max(Math.min(duplicateWindow, retention), 100) },
      {
        name: this.streamOf(generation),
        subjects: [`${prefix}.journal.${generation}.*.*`, this.subjectOfBlob(generation, '*', '*')],
        purpose: 'journals, and the blobs that they refer to',
      },
    );
  }
}

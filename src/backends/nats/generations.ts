/**
 * The streams that hold journals and their blobs, by generations, so that what is over goes by the stream.
 *
 * Invariants:
 * - G1. One generation is *open*: it takes all commits and blobs, on subjects that no other stream can take meanwhile (the
 *   server refuses that). Each publication names the stream that it means, so one that meant another is refused.
 * - G2. A generation is *sealed* by taking these subjects from it, before the next can be made. What was on its way to it is
 *   waited for, and then it never changes again: it can be read by anybody, at any time, without a race.
 * - G3. So the last commit of a task is the last in the open generation, else that in the newest sealed one that has any; and
 *   what decides between two writers is always the open generation's stream alone.
 * - G4. Generations are numbered upwards; sequences of commits hold the number, so they grow over all generations.
 * - G5. Any worker may do any of this at any time, and stop in the middle: the next one goes on from what is there.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { UnavailableError } from '../errors/unavailable-error.ts';
import { reportFailure } from '../report.ts';
import { jetStreamCode } from './codes.ts';
import type { Connection } from './connection.ts';
import { JetStreamError } from './jetstream-error.ts';
import type { NatsSettings } from './options.ts';
import {
  bringUpToDate,
  configOf,
  createStream,
  type StreamInfo,
  streamInfo,
  streamNames,
  streamSubjects,
} from './streams.ts';

export interface Generation {
  readonly number: number;
  readonly stream: string;
  /** When its stream was made, in ms since the epoch. */
  readonly createdAt: number;
  /** `kept`: what was left of all generations up to its number. `copy`: one that is to be so. */
  readonly kind: 'open' | 'sealed' | 'kept' | 'copy';
}

/** How many messages a generation holds at most: sequences are `number × MOST + place in the stream`. */
const MOST = 2 ** 36;

/** How long what is on its way to a stream when its subjects are taken from it is waited for, in ms. */
const SEALING = 250;

const TRIES = 10;

/** The sequence of a commit at a place in a generation's stream. */
export function sequenceAt(generation: number, place: number): number {
  return generation * MOST + place;
}

export function placeOf(sequence: number): { readonly generation: number; readonly place: number } {
  return { generation: Math.floor(sequence / MOST), place: sequence % MOST };
}

export class Generations {
  readonly #connection: Connection;
  readonly #settings: NatsSettings;
  /** In ms since the epoch. */
  readonly now: () => number;
  readonly #pattern: RegExp;
  #open: Generation = { number: 0, stream: '', createdAt: 0, kind: 'open' };
  #closed: readonly Generation[] = [];
  #newest = 0;
  #refreshing: Promise<void> | undefined;
  #confirming: Promise<void> | undefined;
  #confirmingNext: Promise<void> | undefined;

  /** @param now What time it is, in ms since the epoch. */
  constructor(connection: Connection, settings: NatsSettings, now: () => number) {
    this.#connection = connection;
    this.#settings = settings;
    this.now = now;
    this.#pattern = new RegExp(`^${this.#streamName('(\\d+)')}(?:_KEPT_([A-Za-z0-9]+))?$`);
  }

  get open(): Generation {
    return this.#open;
  }

  /** All that are not open, the newest first. Their streams never change. */
  get closed(): readonly Generation[] {
    return this.#closed;
  }

  subjectOfJournal(taskId: string): string {
    return `${this.#settings.prefix}.journal.${taskId}`;
  }

  /** Where it is noted that a journal was opened again that had been closed in an earlier generation. */
  subjectOfReopening(taskId: string): string {
    return `${this.#settings.prefix}.reopened.${taskId}`;
  }

  subjectOfBlob(hash: string, part: number | string): string {
    return `${this.#settings.prefix}.blob.${hash}.${part}`;
  }

  /** Under which subject a closed generation has what was published to one: other streams take that one now. */
  subjectIn({ kind, stream }: Generation, subject: string): string {
    return kind === 'kept' ? `${this.#settings.prefix}.kept.${stream}.${subject}` : subject;
  }

  /** The one subject of a stream that is to take nothing more. */
  sealedSubject(stream: string): string {
    return `${this.#settings.prefix}.sealed.${stream}`;
  }

  /** @param token Tells it from others' copies of the same. */
  nameOfCopy(number: number, token: string): string {
    return `${this.#streamName(String(number))}_KEPT_${token}`;
  }

  /** The tasks whose journals were opened again in generations behind one; more than those that had been closed before it. */
  async reopenedSince(number: number): Promise<Set<string>> {
    const prefix = this.subjectOfReopening('');
    const taskIds = new Set<string>();
    for (const generation of [this.#open, ...this.#closed]) {
      if (generation.kind === 'kept' || generation.number <= number) continue;
      const subjects = await streamSubjects(this.#connection, generation.stream, `${prefix}*`);
      for (const subject of subjects) taskIds.add(subject.slice(prefix.length));
    }
    return taskIds;
  }

  /** Copies that are not complete. */
  async copies(): Promise<Generation[]> {
    return (await this.#list()).filter(({ kind }) => kind === 'copy');
  }

  /** What can be removed: all that another stands for, and copies that nobody completes. @param longestCopy In ms. */
  async leftovers(longestCopy: number): Promise<Generation[]> {
    const all = await this.#list();
    const counting = standing(all);
    const kept = counting.find(({ kind }) => kind === 'kept');
    return all.filter((generation) => {
      if (generation.kind === 'open' || counting.includes(generation)) return false;
      const isCovered = generation.number <= (kept?.number ?? 0);
      return isCovered || this.now() - generation.createdAt > longestCopy;
    });
  }

  /** To be called once, before all else. @throws {StreamDifferenceError} The open generation is not as it is to be. */
  async start(): Promise<void> {
    await this.refresh();
    const { number, stream } = this.#open;
    const info = await streamInfo(this.#connection, stream);
    if (info && this.#isOpen(info)) await bringUpToDate(this.#connection, info, this.#config(number));
  }

  /** Looks again which generations there are, and makes one that is open if there is none. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** Resolves once the open generation is known to have been so after the call. Calls at the same time share the question. */
  confirm(): Promise<void> {
    if (!this.#confirming) {
      this.#confirming = this.#confirm().finally(() => {
        this.#confirming = undefined;
      });
      return this.#confirming;
    }
    // The question that is on its way may have been answered before this call.
    this.#confirmingNext ??= this.#confirming
      .catch(() => {})
      .then(() => {
        this.#confirmingNext = undefined;
        return this.confirm();
      });
    return this.#confirmingNext;
  }

  /** Seals the open generation, if it is the given one, and opens the next. */
  async turnOver(generation: Generation): Promise<void> {
    const info = await streamInfo(this.#connection, generation.stream);
    if (info && this.#isOpen(info)) {
      await this.#connection.api('retention', `STREAM.UPDATE.${generation.stream}`, {
        ...info.config,
        subjects: [this.sealedSubject(generation.stream)],
      });
    }
    await this.refresh();
  }

  async #confirm(): Promise<void> {
    const subject = this.subjectOfJournal('-');
    const names = await streamNames(this.#connection, subject);
    if (names.length !== 1 || names[0] !== this.#open.stream) await this.refresh();
  }

  async #refresh(): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      const all = await this.#list();
      const open = all.find(({ kind }) => kind === 'open');
      if (open) {
        this.#open = open;
        this.#closed = standing(all);
        return;
      }
      await this.#openNext(all);
    }
    throw new UnavailableError('natsBackend', { cause: 'no stream could be made for journals' });
  }

  async #openNext(all: readonly Generation[]): Promise<void> {
    const newest = all.find(({ kind }) => kind === 'sealed');
    if (newest) {
      // What is in the hands of another thread of the server has come to the stream after this, and is stored before that.
      await sleep(SEALING);
      await this.#connection.publish('natsBackend', this.sealedSubject(newest.stream), '');
    } else if (this.#newest > 0) {
      reportFailure(
        'The streams of journals were made anew',
        'somebody had deleted them, with all that they held',
      );
    }
    // One that was deleted under us had given sequences too.
    const number = Math.max(this.#newest, newest?.number ?? 0) + 1;
    try {
      await createStream(this.#connection, this.#config(number));
    } catch (error) {
      // Another worker was faster.
      const cause = error instanceof Error ? error.cause : undefined;
      if (!(cause instanceof JetStreamError && cause.code === jetStreamCode.subjectsOverlap)) throw error;
    }
  }

  /** The newest first. */
  async #list(): Promise<Generation[]> {
    const all: Generation[] = [];
    for (const name of await streamNames(this.#connection)) {
      const match = this.#pattern.exec(name);
      const info = match && (await streamInfo(this.#connection, name));
      if (!info) continue;
      const number = Number(match[1]);
      const kind = this.#kindOf(match[2] !== undefined, info);
      this.#newest = Math.max(this.#newest, number);
      all.push({ number, stream: name, createdAt: Date.parse(info.created), kind });
    }
    return all.sort((a, b) => b.number - a.number);
  }

  #kindOf(isCopy: boolean, info: StreamInfo): Generation['kind'] {
    if (isCopy) return info.config.description === KEPT ? 'kept' : 'copy';
    return this.#isOpen(info) ? 'open' : 'sealed';
  }

  #isOpen({ config }: StreamInfo): boolean {
    return config.subjects?.includes(this.subjectOfJournal('*')) ?? false;
  }

  #config(number: number) {
    const { duplicateWindow, retention } = this.#settings;
    return configOf(
      { ...this.#settings, duplicateWindow: Math.max(Math.min(duplicateWindow, retention), 100) },
      {
        name: this.#streamName(String(number)),
        subjects: [this.subjectOfJournal('*'), this.subjectOfReopening('*'), this.subjectOfBlob('*', '*')],
        purpose: 'journals, and the blobs that they refer to',
      },
    );
  }

  #streamName(number: string): string {
    return `${this.#settings.prefix.toUpperCase()}_JOURNAL_${number}`;
  }
}

/** The description of a stream that holds all that is left of the generations up to its number. */
export const KEPT = 'Taskchart: what is kept of earlier journals (complete)';

/** Of closed generations, the newest first, those that count: none that a `kept` one stands for. */
function standing(all: readonly Generation[]): Generation[] {
  const [kept] = all.filter(({ kind }) => kind === 'kept').sort(byNumberThenName);
  return all.filter(
    (generation) =>
      generation === kept || (generation.kind === 'sealed' && generation.number > (kept?.number ?? 0)),
  );
}

/** The same first one for all workers. */
function byNumberThenName(a: Generation, b: Generation): number {
  return b.number - a.number || (a.stream < b.stream ? -1 : 1);
}

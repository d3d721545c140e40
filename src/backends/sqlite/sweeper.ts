/**
 * Retention: removes what is older than it may be, and gives the room back.
 *
 * Invariants:
 * - It works beside the others: so many rows at a time, each time a work among those of its turn.
 * - It keeps no process alive.
 * - What fails is reported and tried again the next time.
 */
import type { DatabaseSync } from 'node:sqlite';
import { now } from '../../../machines/clock.ts';
import { Alarm } from '../alarm.ts';
import { reportFailure } from '../report.ts';
import type { SqliteSettings } from './options.ts';
import { pragma } from './schema.ts';
import type { Writer } from './writer.ts';

/** Removes rows in a transaction, so many at most or a few more. @returns How many. */
export type Sweep = (at: number, most: number) => number;

/** How many rows go at a time. */
const ROWS = 500;

/** How many pages are given back to the system at a time, and how many must be free for that: of all half, and 16 MB. */
const PAGES = 500;
const LEAST_FREE_PAGES = 4_096;

/** How often it looks, in ms: ten times a retention, an hour at most. */
const MOST_INTERVAL = 60 * 60 * 1000;
const LEAST_INTERVAL = 1_000;

export class Sweeper {
  readonly #db: DatabaseSync;
  readonly #settings: SqliteSettings;
  readonly #writer: Writer;
  readonly #sweeps: readonly Sweep[];
  readonly #onSwept: () => void;
  readonly #alarm: Alarm;
  #isStopped = false;

  constructor(
    db: DatabaseSync,
    writer: Writer,
    settings: SqliteSettings,
    sweeps: readonly Sweep[],
    onSwept: () => void,
  ) {
    this.#db = db;
    this.#settings = settings;
    this.#writer = writer;
    this.#sweeps = [...sweeps, () => this.#shrink()];
    this.#onSwept = onSwept;
    this.#alarm = new Alarm(settings.clock, () => void this.#sweep(), { isBackground: true });
    this.#setAlarm();
  }

  stop(): void {
    this.#isStopped = true;
    this.#alarm.clear();
  }

  #setAlarm(): void {
    const interval = Math.max(Math.min(this.#settings.retention / 10, MOST_INTERVAL), LEAST_INTERVAL);
    this.#alarm.set(now(this.#settings.clock) + interval);
  }

  async #sweep(): Promise<void> {
    try {
      for (const sweep of this.#sweeps) await this.#all(sweep);
    } catch (error) {
      reportFailure('Retention could not be kept; it is tried again', error);
    }
    if (!this.#isStopped) this.#setAlarm();
  }

  async #all(sweep: Sweep): Promise<void> {
    for (let removed = ROWS; removed >= ROWS && !this.#isStopped; ) {
      const at = now(this.#settings.clock);
      removed = await this.#writer.write('retention', () => sweep(at, ROWS));
      if (removed > 0) this.#onSwept();
    }
  }

  /** Gives pages back while more than half of the file is free. */
  #shrink(): number {
    const free = pragma(this.#db, 'freelist_count');
    if (free < LEAST_FREE_PAGES || free * 2 < pragma(this.#db, 'page_count')) return 0;
    this.#db.exec(`PRAGMA incremental_vacuum(${PAGES})`);
    return ROWS;
  }
}

/**
 * All writing: what is asked for in one turn of the event loop becomes durable together, by one fsync.
 *
 * Invariants:
 * - W1. A promise resolves only after the COMMIT of its work succeeded (B1), and in the order of the calls.
 * - W2. Work is done in the order of the calls, in one transaction that begins and ends within one callback: none is open
 *   across turns, and what is read between turns is durable.
 * - W3. Work decides inside the transaction, so that a check and the write that rests on it are one step (B3).
 *   What it refuses, it refuses before it writes; then the others of the transaction go on.
 * - W4. If SQLite fails in the middle, nothing of the transaction stays, and each work is done once more, in a
 *   transaction of its own: a call that cannot be done harms no other. Work must bear that: it changes nothing but the
 *   file, but for counters that may have gaps and what `onRollback` is told to forget.
 *
 * `node:sqlite` is synchronous, so the event loop stands still while the disk syncs: about 0.1 ms on an SSD, shared
 * by all that was asked meanwhile. A thread of its own would cost each call more than that.
 */
import type { DatabaseSync } from 'node:sqlite';
import { JournalConflictError } from '../errors/journal-conflict-error.ts';
import { RefusedError } from '../errors/refused-error.ts';
import { reportFailure } from '../report.ts';
import { failureOf, Statement } from './statement.ts';

/** How many works share a transaction at most; the others have the next turn, after I/O had its own. */
const MOST_WORKS = 4_096;

/** A call that writes, whatever it gives. */
interface Settleable {
  run(): void;
  fail(error: unknown): void;
  settle(): void;
}

/** One call that writes. */
class Work<T> implements Settleable {
  readonly #call: string;
  readonly #act: () => T;
  readonly #outcome = Promise.withResolvers<T>();
  #settle = (): void => {};

  constructor(call: string, act: () => T) {
    this.#call = call;
    this.#act = act;
  }

  get promise(): Promise<T> {
    return this.#outcome.promise;
  }

  /** @throws What SQLite throws, and what nobody foresaw. */
  run(): void {
    try {
      const value = this.#act();
      this.#settle = () => this.#outcome.resolve(value);
    } catch (error) {
      if (!(error instanceof RefusedError || error instanceof JournalConflictError)) throw error;
      this.#settle = () => this.#outcome.reject(error);
    }
  }

  fail(error: unknown): void {
    this.#settle = () => this.#outcome.reject(failureOf(this.#call, error));
  }

  settle(): void {
    this.#settle();
  }
}

export class Writer {
  readonly #db: DatabaseSync;
  readonly #begin: Statement;
  readonly #commit: Statement;
  #works: Settleable[] = [];
  #isScheduled = false;
  #onRollback = (): void => {};

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#begin = new Statement(db, 'BEGIN');
    this.#commit = new Statement(db, 'COMMIT');
  }

  /**
   * Resolves with what the work gave, once that is durable.
   *
   * @param call What was asked, for errors: `journal.append`.
   * @throws {UnavailableError} SQLite failed: no room, an I/O error. What the work itself refuses, it throws.
   */
  write<T>(call: string, act: () => T): Promise<T> {
    const work = new Work(call, act);
    this.#works.push(work);
    this.#schedule();
    return work.promise;
  }

  /** @param listener Told at once when a transaction was rolled back. There is one. */
  onRollback(listener: () => void): void {
    this.#onRollback = listener;
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    while (this.#isScheduled) await new Promise((resolve) => setImmediate(resolve));
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#isScheduled = false;
    const works = this.#works;
    this.#works = works.length > MOST_WORKS ? works.splice(MOST_WORKS) : [];
    if (this.#works.length > 0) this.#schedule();
    if (works.length === 1 || this.#transact(works)) {
      for (const work of works) this.#transact([work], (error) => work.fail(error));
    }
    for (const work of works) work.settle();
  }

  /** Whether it failed. */
  #transact(works: readonly Settleable[], onFailure?: (error: unknown) => void): boolean {
    try {
      this.#begin.run();
      for (const work of works) work.run();
      this.#commit.run();
      return false;
    } catch (error) {
      this.#rollBack();
      onFailure?.(error);
      return true;
    }
  }

  #rollBack(): void {
    this.#onRollback();
    // SQLite may have done so by itself.
    if (!this.#db.isTransaction) return;
    try {
      this.#db.exec('ROLLBACK');
    } catch (error) {
      // Then the next BEGIN fails, and this is tried again.
      reportFailure('A transaction could not be rolled back', error);
    }
  }
}

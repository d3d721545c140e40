import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { UnavailableError } from '../errors/unavailable-error.ts';

/**
 * A prepared statement that knows the rows it gives. Parameters are bound by position.
 *
 * Invariant: none is left in the middle, so that no read transaction outlives the call that began it.
 */
export class Statement<Row = never> {
  readonly #statement: StatementSync;

  constructor(db: DatabaseSync, sql: string) {
    this.#statement = db.prepare(sql);
  }

  /** How many rows it changed. */
  run(...parameters: SQLInputValue[]): number {
    return this.#statement.run(...parameters).changes as number;
  }

  get(...parameters: SQLInputValue[]): Row | undefined {
    return this.#statement.get(...parameters) as Row | undefined;
  }

  all(...parameters: SQLInputValue[]): Row[] {
    return this.#statement.all(...parameters) as Row[];
  }

  /** The first rows, until one of them is enough. */
  allUntil(isEnough: (row: Row) => boolean, ...parameters: SQLInputValue[]): Row[] {
    const rows: Row[] = [];
    for (const row of this.#statement.iterate(...parameters) as Iterable<Row>) {
      rows.push(row);
      if (isEnough(row)) break;
    }
    return rows;
  }
}

/** An error that SQLite reported. */
export interface SqliteError extends Error {
  /** Its extended result code; the last eight bits are the primary one. */
  readonly errcode: number;
}

export function isSqliteError(error: unknown): error is SqliteError {
  return error instanceof Error && (error as { code?: unknown }).code === 'ERR_SQLITE_ERROR';
}

/** What a call rejects with when its work threw: whether it was done is unknown if SQLite failed. */
export function failureOf(call: string, thrown: unknown): unknown {
  return isSqliteError(thrown) ? new UnavailableError(call, { cause: thrown }) : thrown;
}

/** @param call What was asked: `journal.read`. @throws {UnavailableError} It could not be read. */
export function reading<T>(call: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw failureOf(call, error);
  }
}

import type { DatabaseSync } from 'node:sqlite';
import { Statement } from './statement.ts';

/**
 * Numbers that only grow, also over restarts and over the removal of the rows that bore them. They may have gaps.
 */
export class Sequence {
  #last: number;
  readonly #name: string;
  readonly #remember: Statement;

  /** @param table Its rows bear the numbers, in the column `sequence`. */
  constructor(db: DatabaseSync, table: 'commits' | 'published' | 'messages') {
    const known = new Statement<{ last: number }>(
      db,
      `SELECT max(coalesce((SELECT max(sequence) FROM ${table}), 0),
                  coalesce((SELECT value FROM marks WHERE name = ?), 0)) AS last`,
    );
    this.#name = table;
    this.#last = known.get(table)?.last ?? 0;
    this.#remember = new Statement(
      db,
      'INSERT INTO marks VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
    );
  }

  /** The last number that was given. */
  get last(): number {
    return this.#last;
  }

  next(): number {
    this.#last++;
    return this.#last;
  }

  /** To be called in the transaction that removes rows. */
  remember(): void {
    this.#remember.run(this.#name, this.#last);
  }
}

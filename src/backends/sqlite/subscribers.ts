import type { DatabaseSync } from 'node:sqlite';
import { reportFailure } from '../report.ts';
import { assertSameFilter } from '../streams.ts';
import { Statement } from './statement.ts';
import type { Writer } from './writer.ts';

/**
 * How far named subscribers are.
 *
 * Invariant: a position in the file is never ahead of what was handled. It may lag by what was handled in the last
 * turn of the event loop: those messages come again after a crash.
 */
export class Subscribers {
  readonly #writer: Writer;
  readonly #select: Statement<{ filter: string; position: number }>;
  readonly #insert: Statement;
  readonly #move: Statement;
  /** Positions that are not in the file yet, by name. */
  readonly #moved = new Map<string, number>();
  #saving: Promise<void> | undefined;

  constructor(db: DatabaseSync, writer: Writer) {
    this.#writer = writer;
    this.#select = new Statement(db, 'SELECT filter, position FROM subscribers WHERE name = ?');
    this.#insert = new Statement(db, 'INSERT INTO subscribers VALUES (?, ?, ?)');
    this.#move = new Statement(db, 'UPDATE subscribers SET position = ? WHERE name = ?');
  }

  /**
   * Gives a subscriber's position; a new one begins where `begin` says. To be called in a transaction.
   *
   * @throws {RefusedError} It reads another filter.
   */
  open(name: string, filter: string, begin: () => number): number {
    const known = this.#select.get(name);
    if (known) {
      assertSameFilter(name, known.filter, filter);
      return known.position;
    }
    const position = begin();
    this.#insert.run(name, filter, position);
    return position;
  }

  /** A message was handled: saves that with what else is written in this turn. */
  move(name: string, position: number): void {
    this.#moved.set(name, position);
    this.#saving ??= this.#save().finally(() => {
      this.#saving = undefined;
    });
  }

  /** Resolves when all positions are in the file, or could not be written now. */
  async saved(): Promise<void> {
    await this.#saving;
  }

  async #save(): Promise<void> {
    while (this.#moved.size > 0) {
      const moved = [...this.#moved];
      try {
        await this.#writer.write('events.subscribe', () => {
          for (const [name, position] of moved) this.#move.run(position, name);
        });
      } catch (error) {
        reportFailure('The position of a subscriber could not be saved; it is saved with the next', error);
        return;
      }
      for (const [name, position] of moved) {
        if (this.#moved.get(name) === position) this.#moved.delete(name);
      }
    }
  }
}

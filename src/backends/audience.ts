/**
 * Who listens: the cursors that have members.
 *
 * Invariant: those of an exact filter are found by their subject, so that a publish costs what listens to it.
 */
import type { Cursor, Publication } from './cursor.ts';
import { isExact } from './subject.ts';

export class Audience {
  /** Cursors of exact filters, by subject. */
  readonly #exact = new Map<string, Set<Cursor>>();
  readonly #wild = new Set<Cursor>();

  add(cursor: Cursor): void {
    if (!isExact(cursor.filter)) {
      this.#wild.add(cursor);
      return;
    }
    const cursors = this.#exact.get(cursor.filter) ?? new Set();
    this.#exact.set(cursor.filter, cursors.add(cursor));
  }

  remove(cursor: Cursor): void {
    this.#wild.delete(cursor);
    const cursors = this.#exact.get(cursor.filter);
    cursors?.delete(cursor);
    if (cursors?.size === 0) this.#exact.delete(cursor.filter);
  }

  /** Wakes those whose filter takes it. Messages are told of in their order, none left out. */
  wake(message: Pick<Publication, 'subject' | 'order'>): void {
    for (const cursor of this.#exact.get(message.subject) ?? []) cursor.wake(message.order);
    for (const cursor of this.#wild) if (cursor.matches(message.subject)) cursor.wake(message.order);
  }
}

/**
 * Where the last commit of each journal is that is being written to, so that an append need not ask.
 *
 * Invariants:
 * - It is a hint: the server compares. So it may be behind, and it may forget: it holds so many, those that were
 *   written to or read last.
 */
import type { Location } from './generations.ts';

export interface LastPlace {
  /** Of the last commit; 0 for an empty journal. */
  readonly sequence: number;
  readonly location: Location;
  /** Where the last message on the journal's subject is; 0 for none. */
  readonly place: number;
  /** When the journal is gone, in ms since the epoch. */
  readonly goneAt: number;
}

const MOST = 16_384;

export class LastPlaces {
  readonly #places = new Map<string, LastPlace>();

  get(taskId: string): LastPlace | undefined {
    return this.#places.get(taskId);
  }

  set(taskId: string, place: LastPlace): void {
    // Behind all others: a map gives its keys in the order in which they were set.
    this.#places.delete(taskId);
    this.#places.set(taskId, place);
    if (this.#places.size <= MOST) return;
    for (const oldest of this.#places.keys()) {
      this.#places.delete(oldest);
      return;
    }
  }

  delete(taskId: string): void {
    this.#places.delete(taskId);
  }
}

import type { Delivery } from './port.ts';
import { reportThrown } from './report.ts';

/** Where a taker's messages of one name come from. */
export interface Source<L> {
  next(): L | undefined;
}

/** Somebody who takes messages, and how many places are taken. */
export class Taker<L> {
  unsettled = 0;
  isActive = true;
  readonly #limit: number;
  readonly #sources: readonly Source<L>[];
  readonly #onDelivery: (delivery: Delivery) => void;
  #turn = 0;

  constructor(limit: number, sources: readonly Source<L>[], onDelivery: (delivery: Delivery) => void) {
    this.#limit = limit;
    this.#sources = sources;
    this.#onDelivery = onDelivery;
  }

  /** The next letter for it, its names taking turns; none without a place. */
  next(): L | undefined {
    if (!this.isActive || this.unsettled >= this.#limit) return undefined;
    for (let tried = 0; tried < this.#sources.length; tried++) {
      const source = this.#sources[this.#turn];
      this.#turn = (this.#turn + 1) % this.#sources.length;
      const letter = source?.next();
      if (letter) return letter;
    }
    return undefined;
  }

  /** What the callback throws is reported; the delivery is then held until it lapses, as if its holder hung. */
  hand(delivery: Delivery): void {
    try {
      this.#onDelivery(delivery);
    } catch (error) {
      reportThrown('inbox.take', error);
    }
  }
}

/** All takers of an inbox: they take turns, a letter each. */
export class Takers<L> {
  #takers: readonly Taker<L>[] = [];
  #turn = 0;

  get count(): number {
    return this.#takers.length;
  }

  add(taker: Taker<L>): void {
    this.#takers = [...this.#takers, taker];
  }

  remove(taker: Taker<L>): void {
    taker.isActive = false;
    this.#takers = this.#takers.filter((other) => other !== taker);
  }

  /** The next letter and who is to have it; none when no taker has both a place and a letter. */
  next(): { readonly taker: Taker<L>; readonly letter: L } | undefined {
    for (let refusals = 0; refusals < this.#takers.length; refusals++) {
      this.#turn = (this.#turn + 1) % this.#takers.length;
      const taker = this.#takers[this.#turn];
      const letter = taker?.next();
      if (taker && letter) return { taker, letter };
    }
    return undefined;
  }
}

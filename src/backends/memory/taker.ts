import type { Delivery } from '../port.ts';
import { reportThrown } from '../report.ts';
import type { Letter, ReadyQueue } from './ready-queue.ts';

/** Somebody who takes messages, and how many places are taken. */
export class Taker {
  unsettled = 0;
  isActive = true;
  readonly #limit: number;
  readonly #queues: readonly ReadyQueue[];
  readonly #onDelivery: (delivery: Delivery) => void;
  #turn = 0;

  constructor(limit: number, queues: readonly ReadyQueue[], onDelivery: (delivery: Delivery) => void) {
    this.#limit = limit;
    this.#queues = queues;
    this.#onDelivery = onDelivery;
  }

  /** The next letter for it, its names taking turns; none without a place. */
  next(): Letter | undefined {
    if (!this.isActive || this.unsettled >= this.#limit) return undefined;
    for (let tried = 0; tried < this.#queues.length; tried++) {
      const queue = this.#queues[this.#turn];
      this.#turn = (this.#turn + 1) % this.#queues.length;
      const letter = queue?.next();
      if (letter) return letter;
    }
    return undefined;
  }

  hand(delivery: Delivery): void {
    this.unsettled++;
    try {
      this.#onDelivery(delivery);
    } catch (error) {
      // The delivery is held until it lapses, as if its holder hung.
      reportThrown('inbox.take', error);
    }
  }
}

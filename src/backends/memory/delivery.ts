import type { Delivery, Message } from '../port.ts';
import type { Letter } from './ready-queue.ts';
import type { Taker } from './taker.ts';

/** What a delivery does to the inbox that it came from. */
export interface Holdings {
  acknowledge(delivery: MemoryDelivery): void;
  handBack(delivery: MemoryDelivery, until: number | undefined): void;
  keepAlive(delivery: MemoryDelivery): void;
}

/** A letter in a worker's hands. The inbox decides whether it still is. */
export class MemoryDelivery implements Delivery {
  readonly message: Message;
  readonly attempt: number;
  readonly letter: Letter;
  readonly taker: Taker;
  /** When it lapses, in ms since the epoch. */
  deadline: number;
  readonly #holdings: Holdings;

  constructor(letter: Letter, taker: Taker, deadline: number, holdings: Holdings) {
    this.message = { ...letter.head, body: JSON.parse(letter.text) };
    this.attempt = letter.attempt;
    this.letter = letter;
    this.taker = taker;
    this.deadline = deadline;
    this.#holdings = holdings;
  }

  async acknowledge(): Promise<void> {
    this.#holdings.acknowledge(this);
  }

  async handBack(until?: number): Promise<void> {
    this.#holdings.handBack(this, until);
  }

  keepAlive(): void {
    this.#holdings.keepAlive(this);
  }
}

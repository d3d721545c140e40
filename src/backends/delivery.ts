import type { Delivery, Message } from './port.ts';
import type { Letter } from './ready-queue.ts';
import type { Taker } from './takers.ts';

/** What a delivery does to the inbox that it came from. */
export interface Holdings<L extends Letter> {
  acknowledge(delivery: HeldDelivery<L>): void | Promise<void>;
  handBack(delivery: HeldDelivery<L>, until: number | undefined): void | Promise<void>;
  keepAlive(delivery: HeldDelivery<L>): void;
}

/** A letter in a worker's hands. The inbox decides whether it still is. */
export class HeldDelivery<L extends Letter> implements Delivery {
  readonly message: Message;
  readonly attempt: number;
  readonly letter: L;
  readonly taker: Taker<L>;
  /** When it lapses, in ms since the epoch. */
  deadline: number;
  /** The call that settles it, once there was one. */
  settling: Promise<void> | undefined;
  readonly #holdings: Holdings<L>;

  constructor(
    letter: L,
    { text, attempt }: { readonly text: string; readonly attempt: number },
    taker: Taker<L>,
    deadline: number,
    holdings: Holdings<L>,
  ) {
    this.message = { ...letter.head, body: JSON.parse(text) };
    this.attempt = attempt;
    this.letter = letter;
    this.taker = taker;
    this.deadline = deadline;
    this.#holdings = holdings;
  }

  async acknowledge(): Promise<void> {
    await this.#holdings.acknowledge(this);
  }

  async handBack(until?: number): Promise<void> {
    await this.#holdings.handBack(this, until);
  }

  /** Whoever sent it is of this process, and was told what it may send. */
  refuse(): Promise<void> {
    return this.acknowledge();
  }

  keepAlive(): void {
    this.#holdings.keepAlive(this);
  }
}

/**
 * The deliveries that are held, in the order of their deadlines: since all wait equally long, the one that was
 * handed over or kept alive last is the last, and a lapse is found at the front.
 */
export class Held<L extends Letter> {
  readonly #deliveries = new Set<HeldDelivery<L>>();

  /** @param deadline Not before that of any other. */
  add(delivery: HeldDelivery<L>, deadline: number): void {
    delivery.deadline = deadline;
    this.#deliveries.add(delivery);
  }

  /** Whether it was held. */
  remove(delivery: HeldDelivery<L>): boolean {
    return this.#deliveries.delete(delivery);
  }

  /** The one that lapses first. */
  first(): HeldDelivery<L> | undefined {
    for (const delivery of this.#deliveries) return delivery;
    return undefined;
  }
}

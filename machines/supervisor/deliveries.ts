import type { Clock } from '../clock.ts';
import type { Offer } from './task-actor.ts';

interface Surroundings {
  readonly clock: Clock;
  /** How often those in hand are kept alive, in ms. */
  readonly keepAliveEvery: number;
  /** One less is in hand. */
  settled(): void;
  /** The inbox did not hear what was said of a delivery. */
  failed(taskId: string, error: unknown): void;
}

/** The deliveries in a pool's hands. One leaves by being settled, so that it is settled once. */
export class Deliveries {
  readonly #surroundings: Surroundings;
  readonly #held = new Set<Offer>();
  #settling = 0;
  #beat: unknown;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  get held(): readonly Offer[] {
    return [...this.#held];
  }

  /** Of those in hand, and those of which the inbox is being told. */
  get count(): number {
    return this.#held.size + this.#settling;
  }

  has(delivery: Offer): boolean {
    return this.#held.has(delivery);
  }

  hold(delivery: Offer): void {
    this.#held.add(delivery);
    this.#keepAlive();
  }

  /** It is another's now: nothing is said of it any more. */
  abandon(delivery: Offer): void {
    this.#held.delete(delivery);
  }

  acknowledge(delivery: Offer): Promise<void> {
    return this.#settle(delivery, () => delivery.acknowledge());
  }

  /** @param until In ms since the epoch. @default now */
  handBack(delivery: Offer, until?: number): Promise<void> {
    return this.#settle(delivery, () => delivery.handBack(until));
  }

  refuse(delivery: Offer, reason: string): Promise<void> {
    return this.#settle(delivery, () => delivery.refuse(reason));
  }

  /** None is kept alive any more. */
  clear(): void {
    this.#surroundings.clock.clearTimeout(this.#beat);
  }

  async #settle(delivery: Offer, how: () => Promise<void>): Promise<void> {
    if (!this.#held.delete(delivery)) return;
    this.#settling += 1;
    try {
      await how();
    } catch (error) {
      this.#surroundings.failed(delivery.message.taskId, error);
    }
    this.#settling -= 1;
    this.#surroundings.settled();
  }

  #keepAlive(): void {
    const { clock, keepAliveEvery, failed } = this.#surroundings;
    this.#beat ??= clock.setTimeout(() => {
      this.#beat = undefined;
      for (const delivery of this.#held) {
        try {
          delivery.keepAlive();
        } catch (error) {
          failed(delivery.message.taskId, error);
        }
      }
      if (this.#held.size > 0) this.#keepAlive();
    }, keepAliveEvery);
  }
}

/**
 * The messages that this process acknowledged last: a server that was killed may have forgotten about it and give them again.
 */
import type { DeliveryInfo } from './delivery-info.ts';

/** How many are known: some minutes of a busy worker, which is how long a server takes to write down what it removed. */
const MOST = 20_000;

export class Acknowledged {
  /** When each was stored, by its sequence: in a stream that was made anew, others have the same ones. */
  readonly #messages = new Map<number, number>();

  add({ sequence, at }: DeliveryInfo): void {
    const [oldest] = this.#messages.keys();
    if (this.#messages.size >= MOST && oldest !== undefined) this.#messages.delete(oldest);
    this.#messages.set(sequence, at);
  }

  has({ sequence, at }: DeliveryInfo): boolean {
    return this.#messages.get(sequence) === at;
  }
}

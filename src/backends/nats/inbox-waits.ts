/**
 * Until when the messages wait that the server keeps back for us: it may give one early, after a restart, and does not say
 * until when it was to wait.
 */
import type { DeliveryInfo } from './delivery-info.ts';

interface Wait {
  readonly until: number;
  /** How many times the message had been delivered. */
  readonly delivered: number;
  /** When it was stored: in a stream that was made anew, others have the same numbers. */
  readonly at: number;
}

/** How many messages of this process the server keeps back at a time: it goes through all of them again and again. */
const MOST = 5_000;

export class ShortWaits {
  readonly #waits = new Map<number, Wait>();

  /** Whether one more may wait. */
  get hasRoom(): boolean {
    if (this.#waits.size >= MOST) this.#forgetPast();
    return this.#waits.size < MOST;
  }

  /** @param until ms since the epoch. */
  add({ sequence, delivered, at }: DeliveryInfo, until: number): void {
    this.#waits.set(sequence, { until, delivered, at });
  }

  /** A message came. @returns How much longer it was to wait, in whole ms; 0 if its time has come. */
  remaining({ sequence, delivered, at }: DeliveryInfo): number {
    const wait = this.#waits.get(sequence);
    if (!wait) return 0;
    const early = Math.ceil(wait.until - Date.now());
    // Of one that was in other hands meanwhile, this is not the wait any more. A consumer that was made anew counts anew.
    if (early > 0 && at === wait.at && delivered <= wait.delivered + 1) {
      this.#waits.set(sequence, { ...wait, delivered });
      return early;
    }
    this.#waits.delete(sequence);
    return 0;
  }

  /** Forgets those whose time has come: they may have gone to other workers. */
  #forgetPast(): void {
    const now = Date.now();
    for (const [sequence, { until }] of this.#waits) if (until <= now) this.#waits.delete(sequence);
  }
}

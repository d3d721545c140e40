import { type Clock, LONGEST_TIMEOUT, now } from '../../machines/clock.ts';

/**
 * One timer for many deadlines: it rings at the earliest that it was set for, and whoever hears it looks what is
 * due and sets it again. It never rings early (Node's timers may, by a millisecond) and takes any length.
 */
export class Alarm {
  readonly #clock: Clock;
  readonly #onRing: () => void;
  #deadline = Number.POSITIVE_INFINITY;
  readonly #isBackground: boolean;
  #timeout: unknown;

  /** @param isBackground Whether the process may end while it is set. @default false */
  constructor(clock: Clock, onRing: () => void, { isBackground = false } = {}) {
    this.#clock = clock;
    this.#onRing = onRing;
    this.#isBackground = isBackground;
  }

  /** Rings at this time at the latest, in ms since the epoch. */
  set(deadline: number): void {
    if (deadline >= this.#deadline) return;
    this.clear();
    this.#deadline = deadline;
    const ms = Math.min(Math.max(deadline - now(this.#clock), 0), LONGEST_TIMEOUT);
    this.#timeout = this.#clock.setTimeout(() => this.#wake(), ms);
    if (this.#isBackground) (this.#timeout as Partial<NodeJS.Timeout> | undefined)?.unref?.();
  }

  clear(): void {
    if (this.#timeout === undefined) return;
    this.#clock.clearTimeout(this.#timeout);
    this.#timeout = undefined;
    this.#deadline = Number.POSITIVE_INFINITY;
  }

  #wake(): void {
    const deadline = this.#deadline;
    this.#timeout = undefined;
    this.#deadline = Number.POSITIVE_INFINITY;
    if (now(this.#clock) < deadline) this.set(deadline);
    else this.#onRing();
  }
}

/**
 * The time that machines and backends live by. It is passed in, never read from the side, so that tests run in
 * virtual time (XState's `SimulatedClock` is a {@link Clock}) and so that a replay reads its entries' times.
 */
import type { ActorOptions, AnyActorLogic } from 'xstate';

/** The clock that an XState actor takes. */
export type XStateClock = NonNullable<ActorOptions<AnyActorLogic>['clock']>;

/** XState's clock, and what time it is on it. */
export interface Clock extends XStateClock {
  /** Ms since the epoch. @default Date.now */
  now?(): number;
}

/** What Node's timers take at most; they fire *at once* for anything longer. About 24.8 days. */
export const LONGEST_TIMEOUT = 2 ** 31 - 1;

/** A timeout longer than Node's timers take, as a chain of them. */
class LongTimeout {
  #remaining: number;
  #timer: NodeJS.Timeout | undefined;
  readonly #fn: () => void;

  constructor(fn: () => void, ms: number) {
    this.#fn = fn;
    this.#remaining = ms;
    this.#next();
  }

  #next(): void {
    const ms = Math.min(this.#remaining, LONGEST_TIMEOUT);
    this.#remaining -= ms;
    this.#timer = setTimeout(() => (this.#remaining > 0 ? this.#next() : this.#fn()), ms);
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

/** The time of this machine. Unlike Node's own timers, its timeouts may be of any length. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout: (fn, ms) => (ms > LONGEST_TIMEOUT ? new LongTimeout(fn, ms) : setTimeout(fn, ms)),
  clearTimeout: (timeout: unknown) => {
    if (timeout instanceof LongTimeout) timeout.clear();
    else clearTimeout(timeout as NodeJS.Timeout | undefined);
  },
};

/** What time it is on a clock, in ms since the epoch; on one that cannot tell, this machine's. */
export function now(clock: Clock): number {
  return clock.now?.() ?? Date.now();
}

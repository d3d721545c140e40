import { SimulatedClock } from 'xstate';
import type { Clock } from '../machines/clock.ts';

/** Lets everything that is due now happen: all promises settle that can without time going by. */
export function flush(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** More timers than any test fires; a chart that goes round for ever ends here. */
const MOST_TIMERS = 10_000;

/**
 * A clock on which no time goes by unless a test says so. Unlike XState's own, it stops at each timer on its way and
 * lets promises settle there, so that what follows from a timer happens at that timer's time.
 */
export class VirtualClock extends SimulatedClock implements Clock {
  readonly #deadlines = new Map<number, number>();

  /** @param start What time it is at first, in ms since the epoch. */
  constructor(start = 0) {
    super();
    this.set(start);
  }

  override setTimeout(fn: () => void, timeout: number): number {
    const id = super.setTimeout(() => {
      this.#deadlines.delete(id);
      fn();
    }, timeout);
    this.#deadlines.set(id, this.now() + timeout);
    return id;
  }

  override clearTimeout(id: number): void {
    this.#deadlines.delete(id);
    super.clearTimeout(id);
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#deadlines.size;
  }

  /** Resolves after `ms` of this clock's time. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.setTimeout(resolve, ms));
  }

  /** Lets `ms` go by, from timer to timer. */
  async advance(ms: number): Promise<void> {
    await this.advanceTo(this.now() + ms);
  }

  /** Lets time go by until `time`, in ms since the epoch. */
  async advanceTo(time: number): Promise<void> {
    await flush();
    for (let next = this.#next(); next <= time; next = this.#next()) {
      this.set(next);
      await flush();
    }
    this.set(time);
    await flush();
  }

  /** Lets time go by until no timer waits any more, or until `isOver` says so. */
  async run(isOver = () => false): Promise<void> {
    await flush();
    for (let fired = 0; this.pending > 0 && !isOver(); fired += 1) {
      if (fired > MOST_TIMERS) throw new Error(`After ${MOST_TIMERS} timers, ${this.pending} still wait.`);
      this.set(this.#next());
      await flush();
    }
  }

  #next(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.#deadlines.values());
  }
}

import type { Clock } from '../clock.ts';
import type { Offer } from './task-actor.ts';

/** What a quarantine asks of its pool. */
export interface Ward {
  /** How many tasks are in flight. */
  count(): number;
  start(delivery: Offer, how: { alone: boolean }): void;
  /** Gives back the tasks that are in flight, in order. */
  evacuate(): void;
}

/** How long the tasks in flight may take to end by themselves before a suspect is run, in ms. */
const GRACE = 1_000;
/** How long a suspect is run alone if nothing comes to it, in ms: what kills a process does so at once, mostly. */
const PROBATION = 2_000;

/**
 * Runs tasks that their process may have died of, one at a time, with nothing else in flight.
 *
 * - Q1. While there is a suspect no other task is started: what is offered waits, in order.
 * - Q2. A suspect is started once nothing is in flight; what is after {@link GRACE} is given back.
 * - Q3. It is alone until something came to it, nothing of it runs, it left, or {@link PROBATION} has passed. Then comes the next; after the
 *   last, all that waits is started.
 *
 * The pool owns the deliveries; a quarantine owns their order.
 */
export class Quarantine {
  readonly #ward: Ward;
  readonly #clock: Clock;
  #suspects: Offer[] = [];
  #waiting: Offer[] = [];
  #alone: string | undefined;
  #timer: unknown;

  constructor(ward: Ward, clock: Clock) {
    this.#ward = ward;
    this.#clock = clock;
  }

  get isOn(): boolean {
    return this.#alone !== undefined || this.#suspects.length > 0;
  }

  suspect(delivery: Offer): void {
    this.#suspects.push(delivery);
    if (this.#suspects.length === 1 && this.#alone === undefined) {
      this.#setTimer(() => this.#ward.evacuate(), GRACE);
    }
    this.step();
  }

  /** It waits until there is no suspect any more. */
  hold(delivery: Offer): void {
    this.#waiting.push(delivery);
  }

  /** A task has left. */
  left(id: string): void {
    this.free(id);
    this.step();
  }

  /** It is not alone any more, if it was. */
  free(id: string): void {
    if (this.#alone !== id) return;
    this.#alone = undefined;
    this.#setTimer(() => this.#ward.evacuate(), GRACE);
    this.step();
  }

  step(): void {
    if (this.#alone !== undefined) return;
    const [next, ...others] = this.#suspects;
    if (next && this.#ward.count() > 0) return;
    this.#setTimer(undefined, 0);
    if (next) {
      const { taskId } = next.message;
      this.#suspects = others;
      this.#alone = taskId;
      this.#setTimer(() => this.free(taskId), PROBATION);
      this.#ward.start(next, { alone: true });
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const delivery of waiting) {
      if (this.isOn) this.hold(delivery);
      else this.#ward.start(delivery, { alone: false });
    }
  }

  /** It is over. @returns What was not started. */
  clear(): Offer[] {
    const left = [...this.#suspects, ...this.#waiting];
    this.#suspects = [];
    this.#waiting = [];
    this.#alone = undefined;
    this.#setTimer(undefined, 0);
    return left;
  }

  #setTimer(act: (() => void) | undefined, ms: number): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = act && this.#clock.setTimeout(act, ms);
  }
}

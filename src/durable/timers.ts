import type { AnyEventObject } from 'xstate';
import { type Clock, LONGEST_TIMEOUT, now } from '../../machines/clock.ts';
import type { Member } from './member.ts';
import type { InternalActor } from './xstate-internals.ts';

/** A delayed event of a chart: `after`, or `raise` and `sendTo` with a delay. */
export interface Timer {
  readonly owner: Member;
  readonly id: string;
  /** Which of its owner's timers of that id, from 1. */
  readonly nth: number;
  readonly target: InternalActor;
  readonly event: AnyEventObject;
  /** ms since the epoch. */
  readonly deadline: number;
  handle: unknown;
}

/**
 * D5. The timers of one actor tree: absolute deadlines, of any length.
 *
 * - A timer's deadline is the time of the entry that armed it plus its delay. So it is the same on replay.
 * - While the past is replayed none of them ticks. Then those that are past fire at once, in the order of their
 *   deadlines; the others at theirs.
 * - A timer that has fired stays armed until its entry is delivered; one that is cancelled before that is gone.
 *
 * It owns which timers are armed; the tree owns what happens when one fires.
 */
export class Timers {
  readonly #clock: Clock;
  readonly #onFire: (timer: Timer) => void;
  readonly #armed = new Set<Timer>();
  #ticking = false;

  constructor(clock: Clock, onFire: (timer: Timer) => void) {
    this.#clock = clock;
    this.#onFire = onFire;
  }

  /** The next deadline in ms since the epoch; infinite if there is none. */
  get next(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { deadline } of this.#armed) next = Math.min(next, deadline);
    return next;
  }

  /** @param time Of the entry that is being delivered. @param delay In ms. */
  arm(owner: Member, target: InternalActor, event: AnyEventObject, time: number, delay: number, id?: string) {
    let nth = 1;
    if (id === undefined) {
      // XState draws a random id here, which would be another one on replay.
      owner.unnamedTimers += 1;
      id = `t:${owner.unnamedTimers}`;
    } else {
      owner.timerCounts ??= new Map();
      nth = (owner.timerCounts.get(id) ?? 0) + 1;
      owner.timerCounts.set(id, nth);
    }
    const deadline = time + (delay > 0 ? delay : 0);
    const timer: Timer = { owner, id, nth, target, event, deadline, handle: undefined };
    owner.timers ??= new Map();
    owner.timers.set(keyOf(id, nth), timer);
    this.#armed.add(timer);
    if (this.#ticking) this.#tick(timer);
  }

  find(owner: Member, id: string, nth: number): Timer | undefined {
    return owner.timers?.get(keyOf(id, nth));
  }

  /** As XState has it: of several timers with one id, the last. @returns The timer that is no more. */
  cancel(owner: Member, id: string): Timer | undefined {
    const timer = this.find(owner, id, owner.timerCounts?.get(id) ?? 0);
    if (timer) this.remove(timer);
    return timer;
  }

  remove(timer: Timer): void {
    timer.owner.timers?.delete(keyOf(timer.id, timer.nth));
    this.#armed.delete(timer);
    if (timer.handle !== undefined) this.#clock.clearTimeout(timer.handle);
    timer.handle = undefined;
  }

  /** From now on timers fire. */
  startTicking(): void {
    this.#ticking = true;
    const time = now(this.#clock);
    const inOrder = [...this.#armed].sort((a, b) => a.deadline - b.deadline);
    for (const timer of inOrder) {
      if (timer.deadline <= time) this.#onFire(timer);
      else this.#tick(timer);
    }
  }

  /** From now on none does. */
  stopTicking(): void {
    this.#ticking = false;
    for (const timer of this.#armed) {
      if (timer.handle !== undefined) this.#clock.clearTimeout(timer.handle);
      timer.handle = undefined;
    }
    this.#armed.clear();
  }

  #tick(timer: Timer): void {
    if (timer.deadline === Number.POSITIVE_INFINITY) return;
    // Node fires at once what is longer than it can count; and a clock that was set back fires too early.
    const wait = Math.min(Math.max(0, timer.deadline - now(this.#clock)), LONGEST_TIMEOUT);
    timer.handle = this.#clock.setTimeout(() => {
      timer.handle = undefined;
      if (now(this.#clock) < timer.deadline) this.#tick(timer);
      else this.#onFire(timer);
    }, wait);
  }
}

function keyOf(id: string, nth: number): string {
  return nth === 1 ? id : `${id} ${nth}`;
}

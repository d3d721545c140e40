import { type Clock, now } from '../../machines/clock.ts';
import { type EventBus, type OutgoingMessage, TooLargeError, UnavailableError } from '../backends/index.ts';
import { toldAgain, withoutOutput } from './change-event.ts';
import { pause } from './pause.ts';

/** How long the bus is left alone after it did not answer, in ms. */
const RETRY = 1_000;
/** How long a change is offered to a bus that does not answer, in ms; then it is given up, so that they do not pile up. */
const GIVE_UP_AFTER = 60_000;
/** How often it is offered at least, as a process that slept has not tried. */
const LEAST_ATTEMPTS = 5;
/** How long the last changes may take when the service ends, in ms. */
const FINISH_WITHIN = 5_000;

/** Who is told what becomes of the messages; it throws nothing. */
interface Told {
  /** It is on the bus, and was not before. */
  stored(message: OutgoingMessage): void;
  /** It could not be published. */
  lost(taskId: string, error: unknown): void;
}

/**
 * Publishes the change events of tasks, beside their way: no step waits for it.
 *
 * - E1. Those of one task are stored in their order: the next waits until the one before is stored or given up.
 * - E2. One that the bus does not answer is repeated, the very same; one that is too large is told without its output;
 *   one that it refuses all the same is reported.
 * - E3. What is stored last is what was told last: what another process told of the task before something of this one was stored (a
 *   server may be killed in between, and the task woken elsewhere) is told again behind that, under the next number.
 */
export class ChangeFeed {
  readonly #bus: EventBus;
  readonly #clock: Clock;
  readonly #told: Told;
  /** By task, the last that is under way. */
  readonly #tails = new Map<string, Promise<void>>();
  /** By task whose changes are under way, where the last of them stands. */
  readonly #places = new Map<string, number>();
  readonly #closing = new AbortController();

  constructor(bus: EventBus, clock: Clock, told: Told) {
    this.#bus = bus;
    this.#clock = clock;
    this.#told = told;
  }

  /** @returns Resolves once it is stored or given up: whoever lets go of the task for good waits for it, nobody else. */
  publish(taskId: string, message: OutgoingMessage): Promise<void> {
    const until = now(this.#clock) + GIVE_UP_AFTER;
    const before = this.#tails.get(taskId);
    const send = () => this.#send(taskId, message, until);
    const tail = (before ? before.then(send) : send()).then(() => {
      if (this.#tails.get(taskId) !== tail) return;
      this.#tails.delete(taskId);
      this.#places.delete(taskId);
    });
    this.#tails.set(taskId, tail);
    return tail;
  }

  /** Resolves when all of a task is published, or given up. */
  async idle(taskId: string): Promise<void> {
    for (let tail = this.#tails.get(taskId); tail; tail = this.#tails.get(taskId)) await tail;
  }

  /** Resolves when all is published; what is not within 5 s is given up. */
  async finish(): Promise<void> {
    const done = new AbortController();
    const late = pause(this.#clock, FINISH_WITHIN, done.signal);
    await Promise.race([Promise.all(this.#tails.values()), late]);
    done.abort();
    this.#closing.abort();
  }

  async #send(taskId: string, whole: OutgoingMessage, until: number): Promise<void> {
    const { signal } = this.#closing;
    let message = whole;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { duplicate, sequence } = await this.#bus.publish(message);
        const isBehind = sequence > (this.#places.get(taskId) ?? 0);
        if (duplicate && !isBehind) {
          message = toldAgain(message);
          continue;
        }
        this.#places.set(taskId, sequence);
        if (!duplicate && message.id === whole.id) this.#told.stored(message);
        return;
      } catch (error) {
        const smaller = error instanceof TooLargeError && withoutOutput(message);
        if (smaller) {
          message = smaller;
          continue;
        }
        const isLate = signal.aborted || (now(this.#clock) >= until && attempt >= LEAST_ATTEMPTS);
        if (isLate || !(error instanceof UnavailableError)) return this.#told.lost(taskId, error);
      }
      await pause(this.#clock, RETRY, signal);
    }
  }
}

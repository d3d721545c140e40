/**
 * One reader's way through the log: a subscription without a name, or all that share a name.
 *
 * Invariants:
 * - One message at a time, in order; the next waits for the handler, and a wake-up is never lost: whether there
 *   is a next message is looked up in the same synchronous step that ends the round.
 * - `position` is the order of the last message that was dealt with. Under a name that means handled; a message whose
 *   handler failed keeps its place before all later ones.
 * - A cursor that is caught up costs nothing when others' messages are published.
 */
import type { Clock } from '../../machines/clock.ts';
import type { IncomingMessage, SubscribeOptions } from './port.ts';
import { reportFailure, reportThrown } from './report.ts';
import type { Matcher } from './subject.ts';

/** A published message at rest: its body as text. */
export interface Publication extends Omit<IncomingMessage, 'body'> {
  /** Grows across streams. */
  readonly order: number;
  readonly text: string;
}

/** What was published, in its order, across streams. */
export interface PublicationLog {
  /** The order of the last message that was ever stored. */
  readonly end: number;
  /** Looks for the first message behind a position that a filter takes, and may give up after part of the way. */
  look(filter: string, matches: Matcher, position: number): Look;
}

export interface Look {
  readonly message?: Publication | undefined;
  /** Without a message: up to which order there is none. */
  readonly upTo: number;
}

/** How long a named subscriber's failed message waits, in ms. */
const RETRY_DELAY = 1_000;

/** How many messages are handed over in one turn of the event loop. */
const TURN = 256;

/** A handler at work for a cursor. */
export class Member {
  /** The call that is running; it never rejects. */
  running: Promise<boolean> | undefined;
  readonly #handler: (message: IncomingMessage) => void | Promise<void>;
  readonly #onError: SubscribeOptions['onError'];

  constructor(
    handler: (message: IncomingMessage) => void | Promise<void>,
    onError: SubscribeOptions['onError'],
  ) {
    this.#handler = handler;
    this.#onError = onError;
  }

  /** Whether it was handled. */
  handle(message: Publication): Promise<boolean> {
    this.running = this.#run(message).finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  async #run(message: Publication): Promise<boolean> {
    try {
      await this.#handler(incomingMessage(message));
      return true;
    } catch (error) {
      try {
        this.#onError?.(error, incomingMessage(message));
      } catch (second) {
        reportThrown('events.subscribe as onError', second);
      }
      return false;
    }
  }
}

export class Cursor {
  readonly filter: string;
  readonly matches: Matcher;
  position: number;
  readonly #log: PublicationLog;
  readonly #clock: Clock;
  readonly #onHandled: ((position: number) => void) | undefined;
  #members: readonly Member[] = [];
  #turn = 0;
  #isRunning = false;
  #endDelay: (() => void) | undefined;

  /** @param onHandled Of a named subscriber: told its new position. Without it, a message whose handler failed is left behind. */
  constructor(
    log: PublicationLog,
    clock: Clock,
    filter: string,
    matches: Matcher,
    position: number,
    onHandled?: (position: number) => void,
  ) {
    this.#log = log;
    this.#clock = clock;
    this.filter = filter;
    this.matches = matches;
    this.position = position;
    this.#onHandled = onHandled;
  }

  get hasMembers(): boolean {
    return this.#members.length > 0;
  }

  join(member: Member): void {
    this.#members = [...this.#members, member];
    this.#start();
  }

  /** Resolves when the member's handler is not running any more. */
  async leave(member: Member): Promise<void> {
    this.#members = this.#members.filter((other) => other !== member);
    if (!this.hasMembers) this.#endDelay?.();
    await member.running;
  }

  /** A message that the filter takes was stored. */
  wake(order: number): void {
    // Caught up, so nothing between its position and this message is for it.
    if (!this.#isRunning && this.hasMembers) this.position = order - 1;
    this.#start();
  }

  #start(): void {
    if (this.#isRunning || !this.hasMembers) return;
    this.#isRunning = true;
    setImmediate(() => void this.#run());
  }

  async #run(): Promise<void> {
    for (let looks = 1; this.hasMembers; looks++) {
      const found = this.#look();
      if (!found) await this.#delay();
      else if (found.message) await this.#handOver(found.message);
      else {
        this.position = Math.max(this.position, found.upTo);
        if (this.position >= this.#log.end) break;
      }
      if (!found?.message || looks % TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    this.#isRunning = false;
  }

  /** Nothing if the log cannot be read now. */
  #look(): Look | undefined {
    try {
      return this.#log.look(this.filter, this.matches, this.position);
    } catch (error) {
      reportFailure(`The subscription to ${this.filter} could not read on; it tries again`, error);
      return undefined;
    }
  }

  async #handOver(message: Publication): Promise<void> {
    this.#turn = (this.#turn + 1) % this.#members.length;
    const isHandled = await this.#members[this.#turn]?.handle(message);
    if (isHandled || !this.#onHandled) {
      this.position = message.order;
      this.#onHandled?.(message.order);
    } else if (this.hasMembers) await this.#delay();
  }

  #delay(): Promise<void> {
    return new Promise((resolve) => {
      const timeout = this.#clock.setTimeout(() => this.#endDelay?.(), RETRY_DELAY);
      this.#endDelay = () => {
        this.#endDelay = undefined;
        this.#clock.clearTimeout(timeout);
        resolve();
      };
    });
  }
}

function incomingMessage({ order: _, text, ...message }: Publication): IncomingMessage {
  return { ...message, body: JSON.parse(text) };
}

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
import type { Clock } from '../../../machines/clock.ts';
import type { IncomingMessage, SubscribeOptions } from '../port.ts';
import { reportThrown } from '../report.ts';
import type { Matcher } from '../subject.ts';
import type { MessageLog, StoredMessage } from './message-log.ts';

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
  handle(message: StoredMessage): Promise<boolean> {
    this.running = this.#run(message).finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  async #run(message: StoredMessage): Promise<boolean> {
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
  readonly #log: MessageLog;
  readonly #clock: Clock;
  readonly #retries: boolean;
  #members: readonly Member[] = [];
  #turn = 0;
  #isRunning = false;
  #endDelay: (() => void) | undefined;

  /** @param retries Whether a message whose handler failed is handed over again. */
  constructor(
    log: MessageLog,
    clock: Clock,
    filter: string,
    matches: Matcher,
    position: number,
    retries: boolean,
  ) {
    this.#log = log;
    this.#clock = clock;
    this.filter = filter;
    this.matches = matches;
    this.position = position;
    this.#retries = retries;
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
  wake(message: StoredMessage): void {
    // Caught up, so nothing between its position and this message is for it.
    if (!this.#isRunning && this.hasMembers) this.position = message.order - 1;
    this.#start();
  }

  #start(): void {
    if (this.#isRunning || !this.hasMembers) return;
    this.#isRunning = true;
    setImmediate(() => void this.#run());
  }

  async #run(): Promise<void> {
    for (let handedOver = 1; this.hasMembers; handedOver++) {
      const message = this.#log.next(this.filter, this.matches, this.position);
      if (!message) {
        this.position = this.#log.end;
        break;
      }
      this.#turn = (this.#turn + 1) % this.#members.length;
      const isHandled = await this.#members[this.#turn]?.handle(message);
      if (isHandled || !this.#retries) this.position = message.order;
      else if (this.hasMembers) await this.#delay();
      if (handedOver % TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    this.#isRunning = false;
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

function incomingMessage({ order: _, text, ...message }: StoredMessage): IncomingMessage {
  return { ...message, body: JSON.parse(text) };
}

/**
 * Asks a consumer for messages, so many at a time, one request after the other.
 *
 * Invariants:
 * - P1. No more messages come than were asked for: {@link Pull.requested} is how many may still come.
 * - P2. A request ends: with its last message, with the server's word that it is over, or a second after it should have been.
 *   So nothing is waited for in vain, whatever has become of the consumer, its stream or the connection.
 * - P3. No message is lost on its way when it is stopped: what comes until the server knows is handed over all the same.
 *
 * The client's own `consume` asks again by itself, so the bound would be its own and not the free places; and it neither
 * ends nor throws when its consumer is deleted.
 */
import { createInbox, type Msg, nanos, type Subscription } from 'nats';
import type { Connection } from './connection.ts';
import { type DeliveryInfo, deliveryInfo } from './delivery-info.ts';

/** How much longer than the server a request is waited for, in ms. */
const GRACE = 1_000;

/** The statuses of a request whose time is over: no messages, request timeout. */
const OVER: readonly number[] = [404, 408];

/** Which consumer is asked, and where its messages go to. */
export interface PullTarget {
  readonly stream: string;
  readonly consumer: string;
  readonly inboxPrefix: string;
}

export interface PullHandlers {
  onMessage(message: Msg, info: DeliveryInfo): void;
  /**
   * A request is over: more may be asked for.
   *
   * @param asked How many it was for. @param missing How many of them did not come.
   * @param trouble What is wrong with the consumer, its stream or the server, a clause; nothing if all is well.
   */
  onEnd(asked: number, missing: number, trouble: string | undefined): void;
}

export class Pull {
  readonly #connection: Connection;
  /** `<stream>.<consumer>` */
  readonly #consumer: string;
  readonly #replies: string;
  readonly #handlers: PullHandlers;
  readonly #subscription: Subscription;
  readonly #stopListening: () => void;
  #count = 0;
  #asked = 0;
  #requested = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(connection: Connection, { stream, consumer, inboxPrefix }: PullTarget, handlers: PullHandlers) {
    this.#connection = connection;
    this.#consumer = `${stream}.${consumer}`;
    this.#replies = `${createInbox(inboxPrefix)}.`;
    this.#handlers = handlers;
    this.#subscription = connection.nats.subscribe(`${this.#replies}*`, {
      callback: (_error, message) => this.#onMessage(message),
    });
    // What a connection that is gone asked for, the server forgets.
    this.#stopListening = connection.onChange((isConnected) => {
      if (!isConnected) this.#end(this.#requested, 'the connection was lost');
    });
  }

  /** How many messages were asked for that may still come. None: more may be asked for. */
  get requested(): number {
    return this.#requested;
  }

  /** Asks for so many messages; not before the last request is over. @param expires How long the server waits for them, in ms. */
  ask(count: number, expires: number): void {
    this.#count++;
    this.#asked = count;
    this.#requested = count;
    const request = JSON.stringify({ batch: count, expires: nanos(expires) });
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${this.#consumer}`;
    this.#connection.nats.publish(subject, request, { reply: `${this.#replies}${this.#count}` });
    this.#timer = setTimeout(
      () => this.#end(this.#requested, 'the consumer does not answer'),
      expires + GRACE,
    );
  }

  /** Resolves when no message can come any more. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stopListening();
    const isWaiting = this.#requested > 0;
    this.#requested = 0;
    if (this.#subscription.isClosed()) return;
    if (!this.#connection.isConnected) {
      this.#subscription.unsubscribe();
      return;
    }
    try {
      await this.#subscription.drain();
      // A server of 2.9 finds out that nobody waits any more when it is asked, or when it has a message for the request: then
      // it forgets that this was not the message's first delivery.
      if (isWaiting) await this.#connection.api('Pull.stop', `CONSUMER.INFO.${this.#consumer}`);
    } catch {
      // Gone, or away: nobody waits there then.
    }
  }

  #onMessage(message: Msg): void {
    const info = deliveryInfo(message.reply);
    if (!info) {
      if (message.subject === `${this.#replies}${this.#count}`) this.#onStatus(message);
      return;
    }
    // One of a request that was given up is more than was asked for.
    const isAsked = this.#requested > 0;
    if (isAsked) this.#requested--;
    this.#handlers.onMessage(message, info);
    if (!isAsked || this.#requested > 0) return;
    clearTimeout(this.#timer);
    this.#handlers.onEnd(this.#asked, 0, undefined);
  }

  #onStatus(message: Msg): void {
    const { code, description } = message.headers ?? { code: 0, description: '' };
    this.#end(this.#requested, OVER.includes(code) ? undefined : `the server says ${code} ${description}`);
  }

  #end(missing: number, trouble: string | undefined): void {
    if (this.#requested === 0) return;
    clearTimeout(this.#timer);
    this.#requested = 0;
    this.#handlers.onEnd(this.#asked, missing, trouble);
  }
}

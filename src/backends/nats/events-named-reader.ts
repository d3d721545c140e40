/**
 * A named subscriber's way through a stream: a durable consumer, which all subscriptions of the name share.
 *
 * Invariants:
 * - One message is out at a time, among all of them: none comes before an earlier one was handled.
 * - A message is acknowledged when it was handled. One whose handler failed comes again after a second, before any later one.
 * - While a handler runs, however long, its message goes to nobody else.
 * - A consumer that is deleted is made anew where this reader was; a message whose acknowledgement got lost, with the
 *   connection or in a crash of the server, is not handled here again.
 */
import { type Msg, nanos } from 'nats';
import { reportFailure } from '../report.ts';
import {
  assertConsumer,
  type ConsumerConfig,
  type ConsumerInfo,
  consumerInfo,
  createDurable,
} from './consumers.ts';
import type { DeliveryInfo } from './delivery-info.ts';
import { publicationOf } from './events-message.ts';
import {
  behind,
  EXPIRES,
  type Position,
  positionIn,
  positionNow,
  RETRY_DELAY,
  type Reader,
  type ReaderOptions,
} from './events-reader.ts';
import { Pull } from './pull.ts';

const CALL = 'events.subscribe';

/** How long a message is out without a sign of life before it goes to another, in ms: the same for all, whatever their options. */
const ACK_WAIT = 5_000;

/** How long a reader in trouble waits at first, in ms: a server tells that a consumer is gone before it is. */
const SETTLING = 250;

/** How many subscriptions of a name may wait at a time. */
const MOST_MEMBERS = 1_000;

export interface NamedReaderOptions extends ReaderOptions {
  readonly name: string;
  readonly description: string;
}

export class NamedReader implements Reader {
  readonly #options: NamedReaderOptions;
  #pull: Pull | undefined;
  /** The message that was handled last, or up to where the consumer was: all before it are dealt with too. */
  #position: Position = { sequence: 0, created: '' };
  #isActive = true;
  #running: Promise<void> | undefined;
  #acknowledging: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #stopListening = (): void => {};

  constructor(options: NamedReaderOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { connection, stream, name, inboxPrefix, start } = this.#options;
    const known = await consumerInfo(connection, CALL, stream, name);
    const info = known ?? (await this.#create({ deliver_policy: start }));
    this.#assert(info);
    const { stream_seq } = known ? info.ack_floor : info.delivered;
    this.#position = await positionIn(connection, stream, stream_seq);
    this.#pull = new Pull(
      connection,
      { stream, consumer: name, inboxPrefix },
      {
        onMessage: (message, info) => this.#onMessage(message, info),
        onEnd: (_asked, _missing, trouble) => {
          if (trouble !== undefined && connection.isConnected) this.#mend(trouble);
          else if (!this.#running) this.#ask();
        },
      },
    );
    this.#stopListening = connection.onChange(() => this.#ask());
    this.#ask();
  }

  async stop(): Promise<void> {
    this.#isActive = false;
    clearTimeout(this.#retry);
    this.#stopListening();
    await this.#pull?.stop();
    await this.#running;
    await this.#acknowledging;
  }

  #create(begin: Pick<ConsumerConfig, 'deliver_policy' | 'opt_start_seq'>): Promise<ConsumerInfo> {
    const { connection, stream, name } = this.#options;
    return createDurable(connection, CALL, stream, name, { ...this.#config(), ...begin });
  }

  #config(): ConsumerConfig {
    const { filter, description } = this.#options;
    return {
      description,
      ...(filter !== undefined && { filter_subject: filter }),
      deliver_policy: 'all',
      replay_policy: 'instant',
      ack_policy: 'explicit',
      ack_wait: nanos(ACK_WAIT),
      max_deliver: -1,
      max_ack_pending: 1,
      max_waiting: MOST_MEMBERS,
    };
  }

  #assert(info: ConsumerInfo): void {
    assertConsumer(this.#options.stream, info, this.#config());
  }

  #ask(expires = EXPIRES): void {
    const { connection } = this.#options;
    if (!this.#isActive || this.#running || this.#retry || !connection.isConnected) return;
    if (this.#pull?.requested === 0) this.#pull.ask(1, expires);
  }

  #onMessage(message: Msg, info: DeliveryInfo): void {
    const reply = message.reply ?? '';
    if (!this.#isActive || this.#running) {
      this.#options.connection.nats.publish(reply, '-NAK');
      return;
    }
    this.#running = this.#handle(message, info).finally(() => {
      this.#running = undefined;
      this.#ask();
    });
  }

  async #handle(message: Msg, info: DeliveryInfo): Promise<void> {
    const { connection, stream, matches, handle } = this.#options;
    const reply = message.reply ?? '';
    const publication = matches(message.subject) ? publicationOf(message, info, stream) : undefined;
    if (publication && info.sequence > this.#position.sequence) {
      const beat = setInterval(() => connection.nats.publish(reply, '+WPI'), ACK_WAIT / 3);
      const isHandled = await handle(publication);
      clearInterval(beat);
      if (!isHandled) {
        const delay = isHandled === undefined ? '' : ` ${JSON.stringify({ delay: nanos(RETRY_DELAY) })}`;
        connection.nats.publish(reply, `-NAK${delay}`);
        return;
      }
    }
    const sequence = Math.max(this.#position.sequence, info.sequence);
    this.#position = { ...this.#position, sequence };
    this.#acknowledging = connection.request(CALL, reply, '+ACK').then(
      () => {},
      // It comes again, and is known by its sequence.
      () => {},
    );
  }

  #mend(trouble: string, delay = SETTLING): void {
    if (!this.#isActive || this.#retry) return;
    this.#retry = setTimeout(async () => {
      const { connection, stream, name } = this.#options;
      let isThere = false;
      try {
        await this.#provide();
        isThere = true;
      } catch (error) {
        if (connection.isConnected) {
          reportFailure(
            `The subscriber ${name} cannot read ${stream} now (${trouble}); it tries again`,
            error,
          );
        }
      }
      this.#retry = undefined;
      // A consumer that is not there after all says nothing: that is to show soon.
      if (isThere) this.#ask(SETTLING);
      else this.#mend(trouble, RETRY_DELAY);
    }, delay);
  }

  async #provide(): Promise<void> {
    const { connection, stream, name, repair } = this.#options;
    await repair();
    if (await consumerInfo(connection, CALL, stream, name)) return;
    this.#position = await positionNow(connection, stream, this.#position);
    this.#assert(await this.#create(behind(this.#position)));
  }
}

/**
 * A slot of the timers whose time has come. Its messages are taken from a consumer that all workers share. One that is not due
 * yet is handed back to the server until then; one that is goes to the inbox.
 */
import { type Msg, headers as makeHeaders, nanos } from 'nats';
import { reportFailure } from '../report.ts';
import type { Connection } from './connection.ts';
import { type ConsumerConfig, consumerInfo, deleteConsumer, provideWorker } from './consumers.ts';
import type { DeliveryInfo } from './delivery-info.ts';
import type { InboxStreams } from './inbox-streams.ts';
import { InboxSubjects, inboxHeader } from './inbox-subjects.ts';
import type { NatsSettings } from './options.ts';
import { Pull } from './pull.ts';
import type { Streams } from './streams.ts';
import type { RestoreRate } from './timers-rate.ts';

const CALL = 'inbox.take';

/** How many messages are taken at a time: what the rate allows in much less time than a message may be held. */
const BATCH = 128;

/** How many of a slot's messages are handed back to the server at a time. */
const MOST_PENDING = 20_000;

/** How long the server waits for messages, in ms. */
const EXPIRES = 1_000;

/** How long a slot in trouble waits, in ms. */
const RETRY_DELAY = 1_000;

/** After how long without anybody who asks the server drops the consumer; what waits is still in the stream. In ms. */
const INACTIVE = 5 * 60_000;

export interface OpenSlotOptions {
  readonly connection: Connection;
  readonly streams: Streams;
  readonly names: InboxStreams;
  readonly settings: NatsSettings;
  readonly slot: number;
  readonly rate: RestoreRate;
  /** Nothing came for a while. @returns Whether it was closed. */
  readonly onIdle: () => Promise<boolean>;
}

export class OpenSlot {
  readonly #options: OpenSlotOptions;
  readonly #consumer: string;
  readonly #pull: Pull;
  readonly #stopListening: () => void;
  #inHands = 0;
  #isActive = true;
  #isProvided = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: OpenSlotOptions) {
    this.#options = options;
    this.#consumer = `slot-${options.slot}`;
    const { connection, names, settings } = options;
    this.#pull = new Pull(
      connection,
      { stream: names.timers.name, consumer: this.#consumer, inboxPrefix: settings.inboxPrefix },
      {
        onMessage: (message, info) => void this.#onMessage(message, info),
        onEnd: (asked, missing, trouble) => {
          if (trouble !== undefined) this.#recover(trouble);
          else if (asked === missing) void this.#idle();
          else this.#ask();
        },
      },
    );
    this.#stopListening = connection.onChange((isConnected) => {
      this.#isProvided = false;
      if (isConnected && !this.#retry) void this.#provide();
    });
  }

  start(): void {
    void this.#provide();
  }

  /** @param isOver Whether its consumer is of no use any more. @default false */
  async stop({ isOver = false } = {}): Promise<void> {
    this.#isActive = false;
    clearTimeout(this.#retry);
    this.#stopListening();
    await this.#pull.stop();
    const { connection, names } = this.#options;
    if (isOver) await deleteConsumer(connection, CALL, names.timers.name, this.#consumer);
  }

  async #provide(): Promise<void> {
    const { connection, names, settings, slot } = this.#options;
    const config: ConsumerConfig = {
      description: 'Taskchart: what is due in these ten seconds',
      filter_subject: `${settings.prefix}.timers.${slot}.>`,
      deliver_policy: 'all',
      replay_policy: 'instant',
      ack_policy: 'explicit',
      ack_wait: nanos(settings.ackWait),
      max_deliver: -1,
      max_ack_pending: MOST_PENDING,
      inactive_threshold: nanos(INACTIVE),
    };
    const stream = names.timers.name;
    try {
      await provideWorker(connection, CALL, stream, this.#consumer, config);
      this.#isProvided = true;
      this.#ask();
    } catch (error) {
      if (connection.isConnected) {
        reportFailure(`The slot ${slot} of the timers could not be opened; it is tried again`, error);
      }
      this.#recover(undefined);
    }
  }

  #ask(): void {
    if (!this.#isActive || !this.#isProvided || !this.#options.connection.isConnected) return;
    if (this.#pull.requested === 0 && this.#inHands < BATCH / 2) this.#pull.ask(BATCH, EXPIRES);
  }

  #recover(trouble: string | undefined): void {
    if (!this.#isActive || this.#retry) return;
    this.#isProvided = false;
    this.#retry = setTimeout(async () => {
      const { connection, streams } = this.#options;
      if (trouble !== undefined && connection.isConnected) await streams.repair();
      this.#retry = undefined;
      if (!this.#isActive) return;
      if (connection.isConnected) await this.#provide();
      else this.#recover(trouble);
    }, RETRY_DELAY);
  }

  async #onMessage(message: Msg, info: DeliveryInfo): Promise<void> {
    const { connection } = this.#options;
    const reply = message.reply ?? '';
    const wait = untilOf(message) - Date.now();
    if (!this.#isActive) connection.nats.publish(reply, '-NAK');
    else if (wait > 0)
      connection.nats.publish(reply, `-NAK ${JSON.stringify({ delay: nanos(Math.ceil(wait)) })}`);
    else {
      this.#inHands++;
      await this.#restore(message, info);
      this.#inHands--;
      this.#ask();
    }
  }

  async #restore(message: Msg, { sequence }: DeliveryInfo): Promise<void> {
    const { connection, settings, rate, slot } = this.#options;
    // Without a turn it is left: it comes again, to who works on then.
    if (!(await rate.turn())) return;
    const address = message.subject.slice(`${settings.prefix}.timers.${slot}.`.length);
    const [name = '', taskId = ''] = address.split('.');
    const until = message.headers?.get(inboxHeader.until) ?? '';
    const eventId = message.headers?.get(inboxHeader.eventId) ?? '';
    const headers = makeHeaders();
    headers.set('Nats-Msg-Id', `${name}/${taskId}/${until}/${eventId}`);
    headers.set(inboxHeader.attempts, message.headers?.get(inboxHeader.attempts) ?? '0');
    if (eventId !== '') headers.set(inboxHeader.eventId, eventId);
    const subject = new InboxSubjects(settings.prefix).ofReturned(name, taskId, `${until}-${sequence}`);
    try {
      await connection.publish(CALL, subject, message.data, headers);
      await connection.request(CALL, message.reply ?? '', '+ACK');
    } catch (error) {
      // It comes again, and is known by its id.
      if (connection.isConnected) {
        reportFailure('A message of the timers could not be put back to the inbox; it is tried again', error);
      }
    }
  }

  async #idle(): Promise<void> {
    if (!this.#isActive) return;
    try {
      if (this.#inHands > 0 || !(await this.#options.onIdle())) this.#ask();
    } catch {
      this.#recover(undefined);
    }
  }

  /** Whether nothing waits in it, and nothing is in anybody's hands. */
  async isEmpty(): Promise<boolean> {
    const { connection, names } = this.#options;
    const info = await consumerInfo(connection, CALL, names.timers.name, this.#consumer);
    return info?.num_pending === 0 && info.num_ack_pending === 0;
  }
}

/** In ms since the epoch; the past if it does not say. */
function untilOf(message: Msg): number {
  const until = Number(message.headers?.get(inboxHeader.until));
  return Number.isFinite(until) ? until : 0;
}

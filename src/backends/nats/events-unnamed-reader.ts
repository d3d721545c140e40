/**
 * A subscription without a name reads a stream by a consumer of its own, which ends with it.
 *
 * Invariants:
 * - Each message comes once, in order: the consumer counts what it delivers, and where one number is missing (the
 *   connection was lost, the consumer is gone) it is made anew behind the last message that came.
 * - So many messages wait here at most: a slow handler holds up nobody (B6), and costs no memory.
 */
import type { Msg } from 'nats';
import { nanos } from 'nats';
import type { Publication } from '../cursor.ts';
import { reportFailure } from '../report.ts';
import { type ConsumerConfig, createEphemeral, deleteConsumer } from './consumers.ts';
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

/** How many messages are asked for at a time. */
const BATCH = 32;

/** After how long without a sign of life the server drops the consumer, in ms: a handler may take its time. */
const INACTIVE = 5 * 60_000;

/** A consumer, and how far it has come. */
interface Line {
  readonly consumer: string;
  readonly pull: Pull;
  delivered: number;
}

export class UnnamedReader implements Reader {
  readonly #options: ReaderOptions;
  /** The last message that came. */
  #position: Position = { sequence: 0, created: '' };
  #line: Line | undefined;
  #waiting: Publication[] = [];
  #isActive = true;
  #running: Promise<void> | undefined;
  #renewing: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #stopListening = (): void => {};

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { connection, stream, start } = this.#options;
    this.#position = await positionIn(connection, stream, 0);
    const sequence = await this.#begin({ deliver_policy: start });
    this.#position = { ...this.#position, sequence: Math.max(this.#position.sequence, sequence) };
    this.#stopListening = connection.onChange((isConnected) => {
      if (isConnected) this.#renew('the connection was lost');
    });
  }

  async stop(): Promise<void> {
    this.#isActive = false;
    clearTimeout(this.#retry);
    this.#stopListening();
    await this.#renewing;
    await this.#end();
    await this.#running;
  }

  /** @returns Up to where the consumer leaves messages out. */
  async #begin(begin: Pick<ConsumerConfig, 'deliver_policy' | 'opt_start_seq'>): Promise<number> {
    const { connection, stream, filter, inboxPrefix } = this.#options;
    const info = await createEphemeral(connection, CALL, stream, {
      ...begin,
      ...(filter !== undefined && { filter_subject: filter }),
      replay_policy: 'instant',
      ack_policy: 'none',
      inactive_threshold: nanos(INACTIVE),
      // What it knows is known here too.
      mem_storage: true,
      num_replicas: 1,
    });
    const line: Line = {
      consumer: info.name,
      delivered: 0,
      pull: new Pull(
        connection,
        { stream, consumer: info.name, inboxPrefix },
        {
          onMessage: (message, delivery) => {
            if (line === this.#line) this.#onMessage(line, message, delivery);
          },
          onEnd: (_asked, _missing, trouble) => {
            if (line !== this.#line) return;
            if (trouble !== undefined && connection.isConnected) this.#renew(trouble);
            else this.#ask();
          },
        },
      ),
    };
    this.#line = line;
    this.#ask();
    return info.delivered.stream_seq;
  }

  async #end(): Promise<void> {
    const { connection, stream } = this.#options;
    const line = this.#line;
    this.#line = undefined;
    if (!line) return;
    await line.pull.stop();
    // Where that fails, the server drops it in time.
    if (connection.isConnected) await deleteConsumer(connection, CALL, stream, line.consumer).catch(() => {});
  }

  #ask(): void {
    const { pull } = this.#line ?? {};
    if (!this.#isActive || !this.#options.connection.isConnected || pull?.requested !== 0) return;
    if (this.#waiting.length <= BATCH / 2) pull.ask(BATCH, EXPIRES);
  }

  #onMessage(line: Line, message: Msg, info: DeliveryInfo): void {
    if (!this.#isActive) return;
    if (info.consumerSequence !== line.delivered + 1) {
      this.#renew('a message is missing');
      return;
    }
    line.delivered++;
    this.#position = { ...this.#position, sequence: info.sequence };
    const { stream, matches } = this.#options;
    const publication = matches(message.subject) ? publicationOf(message, info, stream) : undefined;
    if (!publication) return;
    this.#waiting.push(publication);
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    for (let next = this.#waiting.shift(); next && this.#isActive; next = this.#waiting.shift()) {
      await this.#options.handle(next);
      this.#ask();
    }
    this.#running = undefined;
  }

  #renew(reason: string): void {
    if (!this.#isActive) return;
    this.#renewing ??= this.#beginAnew(reason).finally(() => {
      this.#renewing = undefined;
    });
  }

  async #beginAnew(reason: string): Promise<void> {
    const { connection, stream, repair } = this.#options;
    clearTimeout(this.#retry);
    try {
      await this.#end();
      await repair();
      this.#position = await positionNow(connection, stream, this.#position);
      await this.#begin(behind(this.#position));
    } catch (error) {
      if (connection.isConnected) {
        reportFailure(`A subscription cannot read ${stream} now (${reason}); it tries again`, error);
      }
      if (this.#isActive) this.#retry = setTimeout(() => this.#renew(reason), RETRY_DELAY);
    }
  }
}

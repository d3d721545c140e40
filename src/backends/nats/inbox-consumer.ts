/**
 * The consumers of the inbox: one a task name, which all workers share.
 *
 * No limit of deliveries, because what exceeds one would lie in the stream for ever; none of what is pending either, because
 * what is handed back until a time is pending, and the bound is the takers' places.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { nanos } from 'nats';
import { reportFailure } from '../report.ts';
import type { Connection } from './connection.ts';
import { type ConsumerConfig, provideWorker } from './consumers.ts';
import type { InboxSubjects } from './inbox-subjects.ts';

/** How long one that could not be looked at waits, in ms. */
const RETRY_DELAY = 1_000;

/** How many requests for messages may wait at a consumer: one a taker. */
const MOST_TAKERS = 10_000;

export interface InboxConsumersOptions {
  readonly connection: Connection;
  /** The inbox. */
  readonly stream: string;
  readonly subjects: InboxSubjects;
  /** In ms. */
  readonly ackWait: number;
  /** One was made anew: it knows nothing of what is in hands, and gives all of it again. */
  readonly onAnew: (name: string) => void;
}

export class InboxConsumers {
  readonly #options: InboxConsumersOptions;
  /** When that of each name was made. */
  readonly #created = new Map<string, string>();
  #providing: Promise<void> | undefined;

  constructor(options: InboxConsumersOptions) {
    this.#options = options;
  }

  /** Makes that of a name, or finds it as it is to be. @throws {StreamDifferenceError} @throws {UnavailableError} */
  async provide(name: string): Promise<void> {
    const { connection, stream, onAnew } = this.#options;
    const { created } = await provideWorker(connection, 'inbox.take', stream, name, this.#config(name));
    const before = this.#created.get(name);
    this.#created.set(name, created);
    if (before !== undefined && before !== created) onAnew(name);
  }

  /** The connection is there again; the server may have been started again meanwhile. Goes on until all are as they are to be. */
  provideAll(): void {
    this.#providing ??= this.#provideAll().finally(() => {
      this.#providing = undefined;
    });
  }

  /** Nobody takes any more. */
  stop(): void {
    this.#created.clear();
  }

  async #provideAll(): Promise<void> {
    const { connection } = this.#options;
    for (const name of this.#created.keys()) {
      // Lost again: the next connection sees to it.
      while (connection.isConnected && this.#created.has(name)) {
        try {
          await this.provide(name);
          break;
        } catch (error) {
          if (!connection.isConnected) return;
          reportFailure(`The consumer of ${name} is not as it is to be; it is tried again`, error);
          await sleep(RETRY_DELAY);
        }
      }
    }
  }

  #config(name: string): ConsumerConfig {
    return {
      description: `Taskchart: the workers of ${name}`,
      filter_subject: this.#options.subjects.filter(name),
      deliver_policy: 'all',
      replay_policy: 'instant',
      ack_policy: 'explicit',
      ack_wait: nanos(this.#options.ackWait),
      max_deliver: -1,
      max_ack_pending: -1,
      max_waiting: MOST_TAKERS,
    };
  }
}

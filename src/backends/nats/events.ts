/**
 * Invariants:
 * - A message is stored in exactly one stream: no two take the same subject (the options say so).
 * - A publication is one attempt. Its id deduplicates within the stream's window; `once` for as long as the message is kept,
 *   because the stream compares what stands on the subject.
 * - A subscription that is slow or fails holds up no other: each has a consumer of its own (B6).
 */
import { headers as makeHeaders } from 'nats';
import { assertSubscriber, publicationText } from '../arguments.ts';
import { Member, type Publication } from '../cursor.ts';
import { RefusedError } from '../errors/refused-error.ts';
import { UnavailableError } from '../errors/unavailable-error.ts';
import type { Lifetime } from '../lifetime.ts';
import { assertForm } from '../names.ts';
import type {
  EventBus,
  IncomingMessage,
  OutgoingMessage,
  PublishAck,
  SubscribeOptions,
  Subscription,
} from '../port.ts';
import { assertSameFilter, streamFinder } from '../streams.ts';
import { matcherOf } from '../subject.ts';
import type { Connection } from './connection.ts';
import { type ConsumerInfo, consumerInfo } from './consumers.ts';
import { intersection } from './events-filter.ts';
import { messageIdHeader } from './events-message.ts';
import { NamedReader } from './events-named-reader.ts';
import type { Reader, ReaderOptions } from './events-reader.ts';
import { UnnamedReader } from './events-unnamed-reader.ts';
import { JetStreamError } from './jetstream-error.ts';
import type { NatsSettings } from './options.ts';
import { assertPayload } from './payload.ts';
import { storedMessage } from './stored-message.ts';
import type { Streams } from './streams.ts';

/** What says of which filter a named subscriber is. */
const DESCRIPTION = 'Taskchart subscriber of ';

export interface NatsEventBusOptions {
  readonly connection: Connection;
  readonly streams: Streams;
  readonly settings: NatsSettings;
  readonly lifetime: Lifetime;
}

export class NatsEventBus implements EventBus {
  readonly #connection: Connection;
  readonly #streams: Streams;
  readonly #settings: NatsSettings;
  readonly #lifetime: Lifetime;
  readonly #streamOf: (subject: string) => string;

  constructor({ connection, streams, settings, lifetime }: NatsEventBusOptions) {
    this.#connection = connection;
    this.#streams = streams;
    this.#settings = settings;
    this.#lifetime = lifetime;
    this.#streamOf = streamFinder(settings.streams);
  }

  async publish(message: OutgoingMessage): Promise<PublishAck> {
    this.#lifetime.assertOpen('events.publish');
    const { subject, id, body, once = false } = message;
    assertForm('subject', subject, 'subject');
    assertForm('id', id, 'id');
    const stream = this.#streamOf(subject);
    const text = publicationText(body, this.#settings);
    assertPayload('body', text, this.#connection.maxPayload);
    const headers = makeHeaders();
    headers.set('Nats-Msg-Id', messageIdHeader(subject, id));
    headers.set('Nats-Expected-Stream', stream);
    if (once) headers.set('Nats-Expected-Last-Subject-Sequence', '0');
    try {
      const publish = () => this.#connection.publish('events.publish', subject, text, headers);
      const stored = await this.#streams.guard('events.publish', publish);
      return { stream: stored.stream, sequence: stored.seq, duplicate: stored.duplicate ?? false };
    } catch (error) {
      if (!(error instanceof JetStreamError)) throw error;
      if (!once || !error.isWrongLastSequence) {
        throw new RefusedError(`events.publish to ${subject}: ${error.message}`, { cause: error });
      }
      return this.#first(stream, subject, error);
    }
  }

  async subscribe(
    filter: string,
    options: SubscribeOptions,
    handler: (message: IncomingMessage) => void | Promise<void>,
  ): Promise<Subscription> {
    this.#lifetime.assertOpen('events.subscribe');
    const { name, start = 'new' } = options;
    assertSubscriber(filter, name);
    if (name !== undefined) await this.#assertFilter(name, filter);
    const member = new Member(handler, options.onError);
    let last: Promise<unknown> = Promise.resolve();
    let isActive = true;
    // One at a time, over all streams.
    const handle = (message: Publication): Promise<boolean | undefined> => {
      const handled = last.then(() => (isActive ? member.handle(message) : undefined));
      last = handled;
      return handled;
    };
    const matches = matcherOf(filter);
    const readers = Object.entries(this.#settings.streams).flatMap(([stream, filters]) => {
      const parts = filters.flatMap((other) => intersection(filter, other) ?? []);
      const { inboxPrefix } = this.#settings;
      const reading = {
        stream,
        filter: parts.length === 1 ? parts[0] : undefined,
        matches,
        start,
        inboxPrefix,
      };
      return parts.length === 0 ? [] : [this.#reader(name, filter, { ...reading, handle })];
    });
    const stop = async (): Promise<void> => {
      isActive = false;
      await Promise.all(readers.map((reader) => reader.stop()));
    };
    try {
      for (const reader of readers) await this.#streams.guard('events.subscribe', () => reader.open());
      this.#lifetime.assertOpen('events.subscribe');
    } catch (error) {
      await stop();
      throw error;
    }
    return this.#lifetime.subscription(stop);
  }

  #reader(
    name: string | undefined,
    filter: string,
    reading: Omit<ReaderOptions, 'connection' | 'repair'>,
  ): Reader {
    const options = { ...reading, connection: this.#connection, repair: () => this.#streams.repair() };
    if (name === undefined) return new UnnamedReader(options);
    const description = `${DESCRIPTION}${filter}`;
    return new NamedReader({ ...options, name, description });
  }

  /** Where the first message on a subject is. */
  async #first(stream: string, subject: string, cause: JetStreamError): Promise<PublishAck> {
    const which = { seq: 1, next_by_subj: subject };
    const first = await storedMessage('events.publish', this.#connection, stream, which);
    if (first) return { stream, sequence: first.seq, duplicate: true };
    // Its retention ended just now: the same call stores this one.
    throw new UnavailableError('events.publish', { cause });
  }

  /** @throws {RefusedError} The name is another filter's. */
  async #assertFilter(name: string, filter: string): Promise<void> {
    for (const stream of Object.keys(this.#settings.streams)) {
      const info = await consumerInfo(this.#connection, 'events.subscribe', stream, name);
      if (info) assertSameFilter(name, filterOf(info), filter);
    }
  }
}

function filterOf({ config: { description, filter_subject } }: ConsumerInfo): string {
  return description?.startsWith(DESCRIPTION)
    ? description.slice(DESCRIPTION.length)
    : (filter_subject ?? '>');
}

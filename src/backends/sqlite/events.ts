/**
 * Invariants:
 * - A message is stored in exactly one stream: no two take the same subject (the options say so).
 * - Cursors are woken once a message is durable, in the order of the messages.
 * - A subscriber that is slow holds a position, not a queue: it costs no memory (B6).
 */
import type { DatabaseSync } from 'node:sqlite';
import { now } from '../../../machines/clock.ts';
import { assertSubscriber, publicationText } from '../arguments.ts';
import { Audience } from '../audience.ts';
import { Cursor, Member } from '../cursor.ts';
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
import type { SqliteSettings } from './options.ts';
import { Publications } from './publications.ts';
import { Subscribers } from './subscribers.ts';
import type { Writer } from './writer.ts';

export class SqliteEventBus implements EventBus {
  readonly #settings: SqliteSettings;
  readonly #lifetime: Lifetime;
  readonly #writer: Writer;
  readonly #publications: Publications;
  readonly #subscribers: Subscribers;
  readonly #streamOf: (subject: string) => string;
  readonly #named = new Map<string, Cursor>();
  readonly #audience = new Audience();

  constructor(db: DatabaseSync, writer: Writer, settings: SqliteSettings, lifetime: Lifetime) {
    this.#settings = settings;
    this.#lifetime = lifetime;
    this.#writer = writer;
    this.#publications = new Publications(db);
    this.#subscribers = new Subscribers(db, writer);
    this.#streamOf = streamFinder(settings.streams);
  }

  async publish({ subject, id, body, once = false }: OutgoingMessage): Promise<PublishAck> {
    this.#lifetime.assertOpen('events.publish');
    assertForm('subject', subject, 'subject');
    assertForm('id', id, 'id');
    const stream = this.#streamOf(subject);
    const text = publicationText(body, this.#settings);
    const at = Math.floor(now(this.#settings.clock));
    const ack = await this.#writer.write('events.publish', () =>
      this.#publications.insert({ subject, id, once }, stream, at, text),
    );
    if (!ack.duplicate) {
      this.#publications.end = ack.sequence;
      this.#audience.wake({ subject, order: ack.sequence });
    }
    return ack;
  }

  async subscribe(
    filter: string,
    { name, start = 'new', onError }: SubscribeOptions,
    handler: (message: IncomingMessage) => void | Promise<void>,
  ): Promise<Subscription> {
    this.#lifetime.assertOpen('events.subscribe');
    assertSubscriber(filter, name);
    const cursor =
      name === undefined
        ? this.#cursor(filter, start === 'all' ? 0 : this.#publications.end)
        : await this.#namedCursor(filter, name, start);
    this.#lifetime.assertOpen('events.subscribe');
    const member = new Member(handler, onError);
    cursor.join(member);
    this.#audience.add(cursor);
    return this.#lifetime.subscription(async () => {
      const left = cursor.leave(member);
      if (!cursor.hasMembers) this.#audience.remove(cursor);
      await left;
      await this.#subscribers.saved();
    });
  }

  /** Removes messages whose retention is over. To be called in a transaction. @returns How many. */
  sweep(at: number, most: number): number {
    return this.#publications.sweep(at - this.#settings.retention, most);
  }

  /** To be called once a removal is durable. */
  onSwept(): void {
    this.#publications.onSwept();
  }

  #cursor(filter: string, position: number, onHandled?: (position: number) => void): Cursor {
    const { clock } = this.#settings;
    return new Cursor(this.#publications, clock, filter, matcherOf(filter), position, onHandled);
  }

  async #namedCursor(filter: string, name: string, start: 'new' | 'all'): Promise<Cursor> {
    const begin = (): number => (start === 'all' ? 0 : this.#publications.last);
    const position = await this.#writer.write('events.subscribe', () =>
      this.#subscribers.open(name, filter, begin),
    );
    let cursor = this.#named.get(name);
    if (!cursor) {
      cursor = this.#cursor(filter, position, (handled) => this.#subscribers.move(name, handled));
      this.#named.set(name, cursor);
    }
    assertSameFilter(name, cursor.filter, filter);
    return cursor;
  }
}

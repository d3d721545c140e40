/**
 * Invariants:
 * - A message is stored in exactly one stream: no two take the same subject (the options say so).
 * - Only cursors with members are woken: a publish costs what listens to it.
 * - A subscriber that is slow holds a position, not a queue: it costs no memory (B6).
 */
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
import { MessageLog } from './message-log.ts';
import type { MemorySettings } from './options.ts';

export class MemoryEventBus implements EventBus {
  readonly #settings: MemorySettings;
  readonly #lifetime: Lifetime;
  readonly #log: MessageLog;
  readonly #streamOf: (subject: string) => string;
  readonly #named = new Map<string, Cursor>();
  readonly #audience = new Audience();

  constructor(settings: MemorySettings, lifetime: Lifetime) {
    this.#settings = settings;
    this.#lifetime = lifetime;
    this.#log = new MessageLog(settings.retention);
    this.#streamOf = streamFinder(settings.streams);
  }

  async publish(message: OutgoingMessage): Promise<PublishAck> {
    this.#lifetime.assertOpen('events.publish');
    assertForm('subject', message.subject, 'subject');
    assertForm('id', message.id, 'id');
    const stream = this.#streamOf(message.subject);
    const text = publicationText(message.body, this.#settings);
    const at = now(this.#settings.clock);
    this.#log.sweep(at);
    const original = this.#log.original(message);
    if (original) return { stream: original.stream, sequence: original.sequence, duplicate: true };
    const stored = this.#log.add(stream, message, text, at);
    this.#audience.wake(stored);
    return { stream, sequence: stored.sequence, duplicate: false };
  }

  async subscribe(
    filter: string,
    options: SubscribeOptions,
    handler: (message: IncomingMessage) => void | Promise<void>,
  ): Promise<Subscription> {
    this.#lifetime.assertOpen('events.subscribe');
    assertSubscriber(filter, options.name);
    this.#log.sweep(now(this.#settings.clock));
    const cursor = this.#cursor(filter, options);
    const member = new Member(handler, options.onError);
    cursor.join(member);
    this.#audience.add(cursor);
    return this.#lifetime.subscription(async () => {
      const left = cursor.leave(member);
      if (!cursor.hasMembers) this.#audience.remove(cursor);
      await left;
    });
  }

  #cursor(filter: string, { name, start = 'new' }: SubscribeOptions): Cursor {
    const known = name === undefined ? undefined : this.#named.get(name);
    if (name !== undefined && known) assertSameFilter(name, known.filter, filter);
    if (known) return known;
    const position = start === 'all' ? 0 : this.#log.end;
    const { clock } = this.#settings;
    // A named cursor is kept whole, its position in it.
    const onHandled = name === undefined ? undefined : () => {};
    const cursor = new Cursor(this.#log, clock, filter, matcherOf(filter), position, onHandled);
    if (name !== undefined) this.#named.set(name, cursor);
    return cursor;
  }
}

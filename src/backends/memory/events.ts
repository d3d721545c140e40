/**
 * Invariants:
 * - A message is stored in exactly one stream: no two take the same subject (the options say so).
 * - Only cursors with members are woken, those of an exact filter by their subject: a publish costs what listens to it.
 * - A subscriber that is slow holds a position, not a queue: it costs no memory (B6).
 */
import { now } from '../../../machines/clock.ts';
import { RefusedError } from '../errors/refused-error.ts';
import { jsonText } from '../json-text.ts';
import { assertForm } from '../names.ts';
import type {
  EventBus,
  IncomingMessage,
  OutgoingMessage,
  PublishAck,
  SubscribeOptions,
  Subscription,
} from '../port.ts';
import { isExact, type Matcher, matcherOf } from '../subject.ts';
import { Cursor, Member } from './cursor.ts';
import type { Lifetime } from './lifetime.ts';
import { MessageLog, type StoredMessage } from './message-log.ts';
import type { MemorySettings } from './options.ts';

export class MemoryEventBus implements EventBus {
  readonly #settings: MemorySettings;
  readonly #lifetime: Lifetime;
  readonly #log: MessageLog;
  readonly #streams: readonly { readonly name: string; readonly takes: readonly Matcher[] }[];
  readonly #named = new Map<string, Cursor>();
  /** Cursors with members: those of exact filters by subject, and the others. */
  readonly #exact = new Map<string, Set<Cursor>>();
  readonly #wild = new Set<Cursor>();

  constructor(settings: MemorySettings, lifetime: Lifetime) {
    this.#settings = settings;
    this.#lifetime = lifetime;
    this.#log = new MessageLog(settings.retention);
    this.#streams = Object.entries(settings.streams).map(([name, filters]) => ({
      name,
      takes: filters.map(matcherOf),
    }));
  }

  async publish(message: OutgoingMessage): Promise<PublishAck> {
    this.#lifetime.assertOpen('events.publish');
    assertForm('subject', message.subject, 'subject');
    assertForm('id', message.id, 'id');
    const stream = this.#streamOf(message.subject);
    const text = jsonText(message.body, 'body', {
      bytes: this.#settings.maxMessageBytes,
      remedy: 'Publish a reference to a large value, or raise the option maxMessageBytes.',
    });
    const at = now(this.#settings.clock);
    this.#log.sweep(at);
    const original = this.#log.original(message);
    if (original) return { stream: original.stream, sequence: original.sequence, duplicate: true };
    const stored = this.#log.add(stream, message, text, at);
    this.#wake(stored);
    return { stream, sequence: stored.sequence, duplicate: false };
  }

  async subscribe(
    filter: string,
    options: SubscribeOptions,
    handler: (message: IncomingMessage) => void | Promise<void>,
  ): Promise<Subscription> {
    this.#lifetime.assertOpen('events.subscribe');
    assertForm('filter', filter, 'filter');
    if (options.name !== undefined) assertForm('subscriberName', options.name, 'name');
    this.#log.sweep(now(this.#settings.clock));
    const cursor = this.#cursor(filter, options);
    const member = new Member(handler, options.onError);
    cursor.join(member);
    this.#listen(cursor);
    return this.#lifetime.subscription(async () => {
      const left = cursor.leave(member);
      if (!cursor.hasMembers) this.#ignore(cursor);
      await left;
    });
  }

  #streamOf(subject: string): string {
    const stream = this.#streams.find(({ takes }) => takes.some((matches) => matches(subject)));
    if (stream) return stream.name;
    const streams = Object.entries(this.#settings.streams);
    const known = streams.map(([name, filters]) => `${name} (${filters.join(', ')})`).join('; ');
    throw new RefusedError(
      `No stream takes the subject ${JSON.stringify(subject)}; the streams are ${known || 'none'}. ` +
        'Publish to another subject, or name it in the option streams.',
    );
  }

  #cursor(filter: string, { name, start = 'new' }: SubscribeOptions): Cursor {
    const known = name === undefined ? undefined : this.#named.get(name);
    if (known && known.filter !== filter) {
      throw new RefusedError(
        `The subscriber ${JSON.stringify(name)} reads ${JSON.stringify(known.filter)}, not ${JSON.stringify(filter)}. ` +
          'Give the new filter a new name.',
      );
    }
    if (known) return known;
    const position = start === 'all' ? 0 : this.#log.end;
    const { clock } = this.#settings;
    const cursor = new Cursor(this.#log, clock, filter, matcherOf(filter), position, name !== undefined);
    if (name !== undefined) this.#named.set(name, cursor);
    return cursor;
  }

  #wake(message: StoredMessage): void {
    for (const cursor of this.#exact.get(message.subject) ?? []) cursor.wake(message);
    for (const cursor of this.#wild) if (cursor.matches(message.subject)) cursor.wake(message);
  }

  #listen(cursor: Cursor): void {
    if (!isExact(cursor.filter)) {
      this.#wild.add(cursor);
      return;
    }
    const cursors = this.#exact.get(cursor.filter) ?? new Set();
    this.#exact.set(cursor.filter, cursors.add(cursor));
  }

  #ignore(cursor: Cursor): void {
    this.#wild.delete(cursor);
    const cursors = this.#exact.get(cursor.filter);
    cursors?.delete(cursor);
    if (cursors?.size === 0) this.#exact.delete(cursor.filter);
  }
}

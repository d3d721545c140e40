/**
 * Puts messages into the inbox, each on a subject of its own: while one is there, none comes beside it.
 */
import { headers as makeHeaders } from 'nats';
import { RefusedError } from '../errors/refused-error.ts';
import type { Head } from '../ready-queue.ts';
import type { Connection } from './connection.ts';
import { eventIdHeader, type InboxSubjects, inboxHeader } from './inbox-subjects.ts';
import { JetStreamError } from './jetstream-error.ts';
import { assertPayload } from './payload.ts';
import { removeMessage } from './remove-message.ts';
import type { SeenEvents } from './seen-events.ts';
import type { Streams } from './streams.ts';

export interface SendingOptions {
  readonly connection: Connection;
  readonly streams: Streams;
  /** The inbox. */
  readonly stream: string;
  readonly subjects: InboxSubjects;
  readonly seen: SeenEvents;
}

export class Sending {
  readonly #options: SendingOptions;

  constructor(options: SendingOptions) {
    this.#options = options;
  }

  /** Nothing is stored while one is there. */
  async request(head: Extract<Head, { kind: 'request' }>, text: string): Promise<void> {
    await this.#store('inbox.submit', head, text);
  }

  /** Nothing is stored while one is there or is remembered. */
  async event(head: Extract<Head, { kind: 'event' }>, text: string): Promise<{ duplicate: boolean }> {
    const { connection, stream, seen } = this.#options;
    const call = 'inbox.deliver';
    if (await seen.has(call, head)) return { duplicate: true };
    const sequence = await this.#store(call, head, text);
    if (sequence === undefined) return { duplicate: true };
    // One that was acknowledged between the look and the store is remembered by now.
    if (!(await seen.has(call, head))) return { duplicate: false };
    await removeMessage(call, connection, stream, sequence);
    return { duplicate: true };
  }

  /** @returns The message's sequence; nothing if one was there. */
  async #store(call: string, head: Head, text: string): Promise<number | undefined> {
    const { connection, streams, subjects } = this.#options;
    const headers = makeHeaders();
    headers.set('Nats-Expected-Last-Subject-Sequence', '0');
    const eventId = eventIdHeader(head);
    if (eventId !== undefined) headers.set(inboxHeader.eventId, eventId);
    assertPayload('body', text, connection.maxPayload);
    try {
      const publish = () => connection.publish(call, subjects.of(head), text, headers);
      return (await streams.guard(call, publish)).seq;
    } catch (error) {
      if (!(error instanceof JetStreamError)) throw error;
      if (error.isWrongLastSequence) return undefined;
      throw new RefusedError(`${call}: ${error.message}`, { cause: error });
    }
  }
}

import { headers } from 'nats';
import { recordText } from '../arguments.ts';
import { UnavailableError } from '../errors/unavailable-error.ts';
import type { Lifetime } from '../lifetime.ts';
import { assertForm } from '../names.ts';
import type { Json, Records } from '../port.ts';
import type { Connection } from './connection.ts';
import { JetStreamError } from './jetstream-error.ts';
import type { NatsSettings } from './options.ts';
import { assertPayload } from './payload.ts';
import { expectedHeader } from './stored-commit.ts';
import { storedMessage } from './stored-message.ts';
import type { Streams } from './streams.ts';

/** Invariant: each is one message, stored only on a subject that has none, in a stream that keeps all for ever. */
export class NatsRecords implements Records {
  readonly #connection: Connection;
  readonly #settings: NatsSettings;
  readonly #lifetime: Lifetime;
  readonly #streams: Streams;
  readonly #stream: string;

  constructor(connection: Connection, settings: NatsSettings, lifetime: Lifetime, streams: Streams) {
    this.#connection = connection;
    this.#settings = settings;
    this.#lifetime = lifetime;
    this.#streams = streams;
    this.#stream = `${settings.prefix.toUpperCase()}_RECORDS`;
  }

  /** Makes its stream. */
  start(): Promise<void> {
    return this.#streams.ensure({
      name: this.#stream,
      subjects: [`${this.#settings.prefix}.records.>`],
      purpose: 'records, for ever',
    });
  }

  async create(key: string, value: Json): Promise<{ created: boolean; value: Json }> {
    this.#lifetime.assertOpen('records.create');
    assertForm('subject', key, 'key');
    const text = recordText(key, value, this.#settings);
    assertPayload('value', text, this.#connection.maxPayload);
    const once = headers();
    once.set(expectedHeader.lastOnSubject, '0');
    return this.#streams.guard('records.create', async () => {
      try {
        await this.#connection.publish('records.create', this.#subjectOf(key), text, once);
        return { created: true, value: JSON.parse(text) };
      } catch (error) {
        if (!(error instanceof JetStreamError && error.isWrongLastSequence)) throw error;
      }
      const kept = await this.#text('records.create', key);
      if (kept === undefined) throw new UnavailableError('records.create', { cause: 'somebody removed it' });
      return { created: false, value: JSON.parse(kept) };
    });
  }

  async read(key: string): Promise<Json | undefined> {
    this.#lifetime.assertOpen('records.read');
    assertForm('subject', key, 'key');
    const text = await this.#streams.guard('records.read', () => this.#text('records.read', key));
    return text === undefined ? undefined : JSON.parse(text);
  }

  async #text(call: string, key: string): Promise<string | undefined> {
    const which = { last_by_subj: this.#subjectOf(key) };
    return (await storedMessage(call, this.#connection, this.#stream, which))?.data.toString();
  }

  #subjectOf(key: string): string {
    return `${this.#settings.prefix}.records.${key}`;
  }
}

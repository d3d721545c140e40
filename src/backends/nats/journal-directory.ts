/**
 * Which generation the journal of a task lies in.
 *
 * Invariants:
 * - An entry is replaced only by who knows the one that is there: the stream compares. So all see a journal begin in one place.
 * - An entry may be behind: then a message at the end of the journal says where that went on. It is never ahead.
 * - What points into generations that are gone is no entry any more. It goes in one piece, from the front of the stream.
 */
import { headers as makeHeaders } from 'nats';
import type { Connection } from './connection.ts';
import type { Location } from './generations.ts';
import { JetStreamError } from './jetstream-error.ts';
import type { NatsSettings } from './options.ts';
import { expectedHeader } from './stored-commit.ts';
import { storedMessage } from './stored-message.ts';
import { scanStream } from './stream-scan.ts';
import { type Streams, streamInfo } from './streams.ts';

export interface DirectoryEntry {
  readonly location: Location;
  /** Its place in the directory's stream. */
  readonly place: number;
}

const header = { generation: 'Taskchart-Generation', life: 'Taskchart-Life' } as const;

export class JournalDirectory {
  readonly #connection: Connection;
  readonly #settings: NatsSettings;
  readonly #streams: Streams;
  readonly #stream: string;

  constructor(connection: Connection, settings: NatsSettings, streams: Streams) {
    this.#connection = connection;
    this.#settings = settings;
    this.#streams = streams;
    this.#stream = `${settings.prefix.toUpperCase()}_DIRECTORY`;
  }

  /** Makes its stream. */
  start(): Promise<void> {
    return this.#streams.ensure({
      name: this.#stream,
      subjects: [`${this.#settings.prefix}.directory.*`],
      purpose: 'where journals lie',
    });
  }

  /** Also sees to it that there is none, if none is found. */
  async entry(call: string, taskId: string): Promise<DirectoryEntry | undefined> {
    const entry = await this.#entry(call, taskId);
    if (entry) return entry;
    await this.settle(call);
    return this.#entry(call, taskId);
  }

  /** Sees to it that what is read from now on is not older than this. See `Connection.settle`. */
  async settle(call: string): Promise<void> {
    await this.#streams.guard(call, () => this.#connection.settle(call, this.#subjectOf('=')));
  }

  async #entry(call: string, taskId: string): Promise<DirectoryEntry | undefined> {
    const which = { last_by_subj: this.#subjectOf(taskId) };
    const message = await this.#streams.guard(call, () =>
      storedMessage(call, this.#connection, this.#stream, which),
    );
    if (!message) return undefined;
    const location = {
      generation: Number(message.header(header.generation)),
      life: message.header(header.life) ?? '',
    };
    return { location, place: message.seq };
  }

  /** @param before The entry that is replaced. @returns Whether it was there to be replaced. */
  async enter(
    call: string,
    taskId: string,
    before: DirectoryEntry | undefined,
    { generation, life }: Location,
  ): Promise<boolean> {
    const headers = makeHeaders();
    headers.set(expectedHeader.lastOnSubject, String(before?.place ?? 0));
    headers.set(header.generation, String(generation));
    headers.set(header.life, life);
    try {
      await this.#streams.guard(call, () =>
        this.#connection.publish(call, this.#subjectOf(taskId), '', headers),
      );
      return true;
    } catch (error) {
      if (error instanceof JetStreamError && error.isWrongLastSequence) return false;
      throw error;
    }
  }

  /** Removes what comes before the first entry that points into a generation that is there. */
  async trim(call: string, isThere: (generation: number) => boolean, signal: AbortSignal): Promise<void> {
    const info = await streamInfo(this.#connection, this.#stream);
    let first = (info?.state.last_seq ?? 0) + 1;
    const { inboxPrefix } = this.#settings;
    await scanStream(
      call,
      this.#connection,
      { stream: this.#stream, inboxPrefix, signal },
      (message, { sequence }) => {
        if (!isThere(Number(message.headers?.get(header.generation)))) return true;
        first = sequence;
        return false;
      },
    );
    await this.#connection.api(call, `STREAM.PURGE.${this.#stream}`, { seq: first });
  }

  #subjectOf(taskId: string): string {
    return `${this.#settings.prefix}.directory.${taskId}`;
  }
}

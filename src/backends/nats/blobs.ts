/**
 * Invariants:
 * - A blob is kept in the generation of journals that was open when it was put, and in each that has a commit that refers to
 *   it: so it goes when the last of them goes, and never before. A generation stays an hour at least after it was open.
 * - It is stored in parts that fit into a message, then its head, which says how many: where the head is, all of it is. Parts
 *   of one size stand on subjects of their own, each stored once, so putting it again completes what was cut off.
 */
import { hash } from 'node:crypto';
import { headers } from 'nats';
import pMap from 'p-map';
import { blobText } from '../arguments.ts';
import { UnavailableError } from '../errors/unavailable-error.ts';
import type { Lifetime } from '../lifetime.ts';
import { assertForm } from '../names.ts';
import type { Blobs, Json } from '../port.ts';
import { jetStreamCode } from './codes.ts';
import type { Connection } from './connection.ts';
import type { Generation, Generations } from './generations.ts';
import { JetStreamError } from './jetstream-error.ts';
import { NoStreamError } from './no-stream-error.ts';
import type { NatsSettings } from './options.ts';
import { roomIn } from './payload.ts';
import { expectedHeader } from './stored-commit.ts';
import { storedMessage } from './stored-message.ts';

/** Of what parts a blob is made. */
interface Head {
  readonly parts: number;
  /** Of each but the last, in bytes. */
  readonly size: number;
}

const TRIES = 5;

/** How many parts are on their way at a time, and how many blobs of the open generation are remembered. */
const PARTS = 4;
const MOST_HELD = 4_096;

export class NatsBlobs implements Blobs {
  readonly #connection: Connection;
  readonly #settings: NatsSettings;
  readonly #lifetime: Lifetime;
  readonly #generations: Generations;
  /** Which blobs a stream is known to have. */
  readonly #held = new Set<string>();
  #heldBy = '';

  constructor(connection: Connection, settings: NatsSettings, lifetime: Lifetime, generations: Generations) {
    this.#connection = connection;
    this.#settings = settings;
    this.#lifetime = lifetime;
    this.#generations = generations;
  }

  async put(value: Json): Promise<string> {
    this.#lifetime.assertOpen('blobs.put');
    const text = blobText(value, this.#settings);
    const key = hash('sha256', text, 'hex');
    await this.#again('blobs.put', async () => {
      await this.#generations.confirm();
      const { stream } = this.#generations.open;
      if (!(await this.#has('blobs.put', key, stream))) {
        await this.#store('blobs.put', key, Buffer.from(text), stream);
      }
      return { value: undefined };
    });
    return key;
  }

  async read(hash: string): Promise<Json | undefined> {
    this.#lifetime.assertOpen('blobs.read');
    assertForm('hash', hash, 'hash');
    const text = await this.#again('blobs.read', async () => {
      const { open } = this.#generations;
      const found = await this.#find('blobs.read', hash);
      if (!found) await this.#generations.confirm();
      const isSure = found !== undefined || this.#generations.open.stream === open.stream;
      return isSure ? { value: found } : undefined;
    });
    return text && JSON.parse(text.toString());
  }

  /**
   * Sees to it that a stream has blobs that a commit in it is to refer to. One that nobody has put is left out: it may come.
   *
   * @param stream Of the open generation. @throws {JetStreamError} It is open no more.
   */
  async hold(hashes: readonly string[], stream: string): Promise<void> {
    for (const hash of new Set(hashes)) {
      if (await this.#has('journal.append', hash, stream)) continue;
      const content = await this.#find('journal.append', hash);
      if (content) await this.#store('journal.append', hash, content, stream);
    }
  }

  /** The parts of a blob, its head last, from wherever it is; none if it is nowhere. */
  async *parts(
    call: string,
    hash: string,
  ): AsyncGenerator<{ readonly part: string; readonly content: Uint8Array | string }, void, undefined> {
    const found = await this.#head(call, hash);
    if (!found) return;
    const { generation, head } = found;
    for (let index = 0; index < head.parts; index++) {
      const part = partName(head, index);
      yield { part, content: await this.#partIn(call, generation, hash, part) };
    }
    yield { part: 'head', content: JSON.stringify(head) };
  }

  /** The text of a blob, from wherever it is. */
  async #find(call: string, hash: string): Promise<Buffer | undefined> {
    const found = await this.#head(call, hash);
    if (!found) return undefined;
    const { generation, head } = found;
    const names = Array.from({ length: head.parts }, (_, index) => partName(head, index));
    const parts = await pMap(names, (name) => this.#partIn(call, generation, hash, name), {
      concurrency: PARTS,
    });
    return Buffer.concat(parts);
  }

  async #head(
    call: string,
    hash: string,
  ): Promise<{ readonly generation: Generation; readonly head: Head } | undefined> {
    const { open, closed } = this.#generations;
    const headIn = async (generation: Generation) => {
      const head = await this.#part(call, generation, hash, 'head');
      return head && { generation, head: JSON.parse(head.toString()) as Head };
    };
    return (
      (await headIn(open)) ?? (await Promise.all(closed.map(headIn))).find((found) => found !== undefined)
    );
  }

  async #partIn(call: string, generation: Generation, hash: string, part: string): Promise<Buffer> {
    const content = await this.#part(call, generation, hash, part);
    if (content) return content;
    throw new UnavailableError(call, {
      cause: `part ${part} of blob ${hash} is gone from ${generation.stream}`,
    });
  }

  async #part(call: string, generation: Generation, hash: string, part: string): Promise<Buffer | undefined> {
    const subject = this.#generations.subjectIn(generation, this.#generations.subjectOfBlob(hash, part));
    const message = await storedMessage(call, this.#connection, generation.stream, { last_by_subj: subject });
    return message?.data;
  }

  async #has(call: string, hash: string, stream: string): Promise<boolean> {
    if (this.#heldBy === stream && this.#held.has(hash)) return true;
    const subject = this.#generations.subjectOfBlob(hash, 'head');
    const head = await storedMessage(call, this.#connection, stream, { last_by_subj: subject });
    if (head) this.#remember(hash, stream);
    return head !== undefined;
  }

  async #store(call: string, hash: string, content: Buffer, stream: string): Promise<void> {
    const size = roomIn(this.#connection.maxPayload);
    const head: Head = { parts: Math.ceil(content.length / size), size };
    const parts = Array.from({ length: head.parts }, (_, index) => index);
    await pMap(
      parts,
      (index) => {
        const part = content.subarray(index * size, (index + 1) * size);
        return this.#storePart(call, hash, partName(head, index), part, stream);
      },
      { concurrency: PARTS },
    );
    await this.#storePart(call, hash, 'head', JSON.stringify(head), stream);
    this.#remember(hash, stream);
  }

  async #storePart(
    call: string,
    hash: string,
    name: string,
    content: Uint8Array | string,
    stream: string,
  ): Promise<void> {
    const once = headers();
    once.set(expectedHeader.stream, stream);
    once.set(expectedHeader.lastOnSubject, '0');
    try {
      await this.#connection.publish(call, this.#generations.subjectOfBlob(hash, name), content, once);
    } catch (error) {
      // It is there already: what has this name has this content.
      if (!(error instanceof JetStreamError && error.isWrongLastSequence)) throw error;
    }
  }

  #remember(hash: string, stream: string): void {
    if (this.#heldBy !== stream || this.#held.size >= MOST_HELD) this.#held.clear();
    this.#heldBy = stream;
    this.#held.add(hash);
  }

  /** Does something with the open generation; again, if that was another meanwhile. */
  async #again<T>(call: string, act: () => Promise<{ readonly value: T } | undefined>): Promise<T> {
    for (let tries = 0; tries < TRIES; tries++) {
      try {
        const done = await act();
        if (done) return done.value;
      } catch (error) {
        const codes: readonly number[] = [jetStreamCode.streamMismatch, jetStreamCode.streamNotFound];
        const isMismatch = error instanceof JetStreamError && codes.includes(error.code);
        const isNowhere = error instanceof UnavailableError && error.cause instanceof NoStreamError;
        if (!isMismatch && !isNowhere) throw error;
      }
      await this.#generations.refresh();
    }
    throw new UnavailableError(call, { cause: 'the journals were turned over again and again' });
  }
}

function partName({ size }: Head, index: number): string {
  return `${size}-${index}`;
}

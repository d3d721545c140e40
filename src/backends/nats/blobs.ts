/**
 * Invariants:
 * - A blob is kept in the generation of journals that was the newest when it was put, and in each that has a commit that refers
 *   to it: so it goes when the last of them goes, and never before. A generation stays an hour at least after something was
 *   begun in it.
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
import type { Generations } from './generations.ts';
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

/** How many parts are on their way at a time, and how many blobs are remembered. */
const PARTS = 4;
const MOST_HELD = 4_096;

export class NatsBlobs implements Blobs {
  readonly #connection: Connection;
  readonly #settings: NatsSettings;
  readonly #lifetime: Lifetime;
  readonly #generations: Generations;
  /** Which blobs which generations are known to have. */
  readonly #held = new Set<string>();

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
    for (let tries = 1; ; tries++) {
      const generation = await this.#generations.newest();
      try {
        if (!(await this.#has('blobs.put', key, generation))) {
          await this.#store('blobs.put', key, Buffer.from(text), generation);
        }
        return key;
      } catch (error) {
        if (!isStreamGone(error) || tries === TRIES) throw error;
        await this.#generations.look();
      }
    }
  }

  async read(hash: string): Promise<Json | undefined> {
    this.#lifetime.assertOpen('blobs.read');
    assertForm('hash', hash, 'hash');
    const text = await this.#find('blobs.read', hash);
    return text && JSON.parse(text.toString());
  }

  /** Sees to it that a generation has blobs that a commit in it is to refer to. One that nobody has put is left out: it may come. */
  async hold(hashes: readonly string[], generation: number): Promise<void> {
    for (const hash of new Set(hashes)) {
      if (await this.#has('journal.append', hash, generation)) continue;
      const content = await this.#find('journal.append', hash);
      if (content) await this.#store('journal.append', hash, content, generation);
    }
  }

  /** The text of a blob, from wherever it is. */
  async #find(call: string, hash: string): Promise<Buffer | undefined> {
    for (let tries = 0; ; tries++) {
      const { numbers } = this.#generations;
      try {
        const found = await this.#findIn(call, hash, numbers);
        if (found) return found;
      } catch (error) {
        if (!isStreamGone(error) || tries === TRIES) throw error;
      }
      // Others may have made newer ones, and removed older ones.
      await this.#generations.look();
      if (tries > 0 && this.#generations.numbers.join() === numbers.join()) return undefined;
    }
  }

  async #findIn(call: string, hash: string, numbers: readonly number[]): Promise<Buffer | undefined> {
    const headIn = async (generation: number) => {
      const head = await this.#part(call, hash, 'head', generation);
      return head && { generation, head: JSON.parse(head.toString()) as Head };
    };
    const [newest = 0, ...older] = [...numbers].reverse();
    const found =
      (await headIn(newest)) ?? (await Promise.all(older.map(headIn))).find((head) => head !== undefined);
    if (!found) return undefined;
    const { generation, head } = found;
    const parts = await pMap(
      Array.from({ length: head.parts }, (_, index) => partName(head, index)),
      async (name) => {
        const part = await this.#part(call, hash, name, generation);
        if (part) return part;
        const stream = this.#generations.streamOf(generation);
        throw new UnavailableError(call, { cause: `part ${name} of blob ${hash} is missing from ${stream}` });
      },
      { concurrency: PARTS },
    );
    return Buffer.concat(parts);
  }

  async #part(call: string, hash: string, part: string, generation: number): Promise<Buffer | undefined> {
    const which = { last_by_subj: this.#generations.subjectOfBlob(generation, hash, part) };
    const stream = this.#generations.streamOf(generation);
    return (await storedMessage(call, this.#connection, stream, which))?.data;
  }

  async #has(call: string, hash: string, generation: number): Promise<boolean> {
    if (this.#held.has(keyOf(hash, generation))) return true;
    const head = await this.#part(call, hash, 'head', generation);
    if (head) this.#remember(hash, generation);
    return head !== undefined;
  }

  async #store(call: string, hash: string, content: Buffer, generation: number): Promise<void> {
    const size = roomIn(this.#connection.maxPayload);
    const head: Head = { parts: Math.ceil(content.length / size), size };
    await pMap(
      Array.from({ length: head.parts }, (_, index) => index),
      (index) => {
        const part = content.subarray(index * size, (index + 1) * size);
        return this.#storePart(call, hash, partName(head, index), part, generation);
      },
      { concurrency: PARTS },
    );
    await this.#storePart(call, hash, 'head', JSON.stringify(head), generation);
    this.#remember(hash, generation);
  }

  async #storePart(
    call: string,
    hash: string,
    name: string,
    content: Uint8Array | string,
    generation: number,
  ): Promise<void> {
    const once = headers();
    once.set(expectedHeader.lastOnSubject, '0');
    try {
      const subject = this.#generations.subjectOfBlob(generation, hash, name);
      await this.#connection.publish(call, subject, content, once);
    } catch (error) {
      // It is there already: what has this name has this content.
      if (!(error instanceof JetStreamError && error.isWrongLastSequence)) throw error;
    }
  }

  #remember(hash: string, generation: number): void {
    if (this.#held.size >= MOST_HELD) this.#held.clear();
    this.#held.add(keyOf(hash, generation));
  }
}

function partName({ size }: Head, index: number): string {
  return `${size}-${index}`;
}

function keyOf(hash: string, generation: number): string {
  return `${generation}/${hash}`;
}

function isStreamGone(error: unknown): boolean {
  if (error instanceof JetStreamError) return error.code === jetStreamCode.streamNotFound;
  return error instanceof UnavailableError && error.cause instanceof NoStreamError;
}

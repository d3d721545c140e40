/**
 * Invariants:
 * - A blob is kept while a journal refers to it, and after that (or without that) for the grace since it was
 *   last put: a commit that follows a `put` finds it.
 * - What is dropped is dropped lazily, in passing, never by a timer or a walk over all blobs.
 */
import { hash } from 'node:crypto';
import { now } from '../../../machines/clock.ts';
import { blobText } from '../arguments.ts';
import { Fifo } from '../fifo.ts';
import type { Lifetime } from '../lifetime.ts';
import { assertForm } from '../names.ts';
import type { Blobs, Json } from '../port.ts';
import type { MemorySettings } from './options.ts';

/** A commit may be repeated for that long while its backend is unavailable, however short retention is. */
const LEAST_GRACE = 60 * 60 * 1000;

interface Blob {
  readonly text: string;
  /** When it was last put. */
  readonly putAt: number;
}

export class MemoryBlobs implements Blobs {
  readonly #settings: MemorySettings;
  readonly #lifetime: Lifetime;
  readonly #grace: number;
  readonly #blobs = new Map<string, Blob>();
  /** How many journals refer to each hash; kept apart from the blobs, since a journal may come first. */
  readonly #references = new Map<string, number>();
  readonly #puts = new Fifo<{ readonly hash: string; readonly at: number }>();

  constructor(settings: MemorySettings, lifetime: Lifetime) {
    this.#settings = settings;
    this.#lifetime = lifetime;
    this.#grace = Math.max(settings.retention, LEAST_GRACE);
  }

  async put(value: Json): Promise<string> {
    this.#lifetime.assertOpen('blobs.put');
    const text = blobText(value, this.#settings);
    const at = now(this.#settings.clock);
    this.#sweep(at);
    const key = hash('sha256', text, 'hex');
    this.#blobs.set(key, { text, putAt: at });
    this.#puts.push({ hash: key, at });
    return key;
  }

  async read(hash: string): Promise<Json | undefined> {
    this.#lifetime.assertOpen('blobs.read');
    assertForm('hash', hash, 'hash');
    this.#sweep(now(this.#settings.clock));
    const blob = this.#blobs.get(hash);
    return blob && JSON.parse(blob.text);
  }

  /** A journal refers to it from now on. */
  retain(hash: string): void {
    this.#references.set(hash, (this.#references.get(hash) ?? 0) + 1);
  }

  /** A journal that referred to it is gone. */
  release(hash: string): void {
    const references = (this.#references.get(hash) ?? 0) - 1;
    if (references > 0) {
      this.#references.set(hash, references);
      return;
    }
    this.#references.delete(hash);
    this.#dropIfUnused(hash, now(this.#settings.clock));
  }

  #sweep(at: number): void {
    for (let put = this.#puts.at(0); put && put.at + this.#grace < at; put = this.#puts.at(0)) {
      this.#puts.shift();
      this.#dropIfUnused(put.hash, at);
    }
  }

  #dropIfUnused(hash: string, at: number): void {
    const blob = this.#blobs.get(hash);
    if (blob && blob.putAt + this.#grace < at && !this.#references.has(hash)) this.#blobs.delete(hash);
  }
}

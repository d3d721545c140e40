import { recordText } from '../arguments.ts';
import type { Lifetime } from '../lifetime.ts';
import { assertForm } from '../names.ts';
import type { Json, Records } from '../port.ts';
import type { MemorySettings } from './options.ts';

/** Invariant: what is under a key never changes and never goes. */
export class MemoryRecords implements Records {
  readonly #settings: MemorySettings;
  readonly #lifetime: Lifetime;
  readonly #texts = new Map<string, string>();

  constructor(settings: MemorySettings, lifetime: Lifetime) {
    this.#settings = settings;
    this.#lifetime = lifetime;
  }

  async create(key: string, value: Json): Promise<{ created: boolean; value: Json }> {
    this.#lifetime.assertOpen('records.create');
    const text = recordText(key, value, this.#settings);
    const kept = this.#texts.get(key);
    if (kept === undefined) this.#texts.set(key, text);
    return { created: kept === undefined, value: JSON.parse(kept ?? text) };
  }

  async read(key: string): Promise<Json | undefined> {
    this.#lifetime.assertOpen('records.read');
    assertForm('subject', key, 'key');
    const text = this.#texts.get(key);
    return text === undefined ? undefined : JSON.parse(text);
  }
}

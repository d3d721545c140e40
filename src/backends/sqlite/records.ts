import type { DatabaseSync } from 'node:sqlite';
import { recordText } from '../arguments.ts';
import type { Lifetime } from '../lifetime.ts';
import { assertForm } from '../names.ts';
import type { Json, Records } from '../port.ts';
import type { SqliteSettings } from './options.ts';
import { reading, Statement } from './statement.ts';
import type { Writer } from './writer.ts';

/** Invariant: what is under a key never changes and never goes. */
export class SqliteRecords implements Records {
  readonly #settings: SqliteSettings;
  readonly #lifetime: Lifetime;
  readonly #writer: Writer;
  readonly #insert: Statement;
  readonly #select: Statement<{ value: string }>;

  constructor(db: DatabaseSync, writer: Writer, settings: SqliteSettings, lifetime: Lifetime) {
    this.#settings = settings;
    this.#lifetime = lifetime;
    this.#writer = writer;
    this.#insert = new Statement(db, 'INSERT INTO records VALUES (?, ?) ON CONFLICT (key) DO NOTHING');
    this.#select = new Statement(db, 'SELECT value FROM records WHERE key = ?');
  }

  async create(key: string, value: Json): Promise<{ created: boolean; value: Json }> {
    this.#lifetime.assertOpen('records.create');
    const text = recordText(key, value, this.#settings);
    const kept = await this.#writer.write('records.create', () =>
      this.#insert.run(key, text) > 0 ? undefined : this.#select.get(key)?.value,
    );
    return { created: kept === undefined, value: JSON.parse(kept ?? text) };
  }

  async read(key: string): Promise<Json | undefined> {
    this.#lifetime.assertOpen('records.read');
    assertForm('subject', key, 'key');
    const row = reading('records.read', () => this.#select.get(key));
    return row && JSON.parse(row.value);
  }
}

/**
 * Invariants:
 * - A blob is kept while a journal uses it, and after that (or without that) for the grace since it was last put: a
 *   commit that follows a `put` finds it.
 * - What is due is looked at once: then it goes, or it is left to the last journal that uses it.
 */
import { hash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { now } from '../../../machines/clock.ts';
import { blobText } from '../arguments.ts';
import type { Lifetime } from '../lifetime.ts';
import { assertForm } from '../names.ts';
import type { Blobs, Json } from '../port.ts';
import type { SqliteSettings } from './options.ts';
import { reading, Statement } from './statement.ts';
import type { Writer } from './writer.ts';

/** A commit may be repeated for that long while its backend is unavailable, however short retention is. */
const LEAST_GRACE = 60 * 60 * 1000;

export class SqliteBlobs implements Blobs {
  readonly #settings: SqliteSettings;
  readonly #lifetime: Lifetime;
  readonly #writer: Writer;
  readonly #grace: number;
  readonly #prolong: Statement;
  readonly #insert: Statement;
  readonly #select: Statement<{ text: string }>;
  readonly #use: Statement;
  readonly #uses: Statement<{ hash: string }>;
  readonly #release: Statement;
  readonly #dropUnused: Statement;
  readonly #due: Statement<{ hash: string }>;
  readonly #keepUsed: Statement;
  readonly #dropDue: Statement;

  constructor(db: DatabaseSync, writer: Writer, settings: SqliteSettings, lifetime: Lifetime) {
    this.#settings = settings;
    this.#lifetime = lifetime;
    this.#writer = writer;
    this.#grace = Math.max(settings.retention, LEAST_GRACE);
    this.#prolong = new Statement(db, 'UPDATE blobs SET due = ? WHERE hash = ?');
    this.#insert = new Statement(db, 'INSERT INTO blobs VALUES (?, ?, ?)');
    this.#select = new Statement(db, 'SELECT text FROM blobs WHERE hash = ?');
    this.#use = new Statement(db, 'INSERT INTO blob_uses VALUES (?, ?) ON CONFLICT DO NOTHING');
    this.#uses = new Statement(db, 'SELECT hash FROM blob_uses WHERE journal = ? LIMIT ?');
    this.#release = new Statement(db, 'DELETE FROM blob_uses WHERE hash = ? AND journal = ?');
    const unused = 'NOT EXISTS (SELECT 1 FROM blob_uses WHERE blob_uses.hash = blobs.hash)';
    this.#dropUnused = new Statement(db, `DELETE FROM blobs WHERE hash = ? AND due IS NULL AND ${unused}`);
    this.#due = new Statement(db, 'SELECT hash FROM blobs WHERE due < ? ORDER BY due LIMIT ?');
    this.#dropDue = new Statement(db, `DELETE FROM blobs WHERE hash = ? AND ${unused}`);
    this.#keepUsed = new Statement(db, 'UPDATE blobs SET due = NULL WHERE hash = ?');
  }

  async put(value: Json): Promise<string> {
    this.#lifetime.assertOpen('blobs.put');
    const text = blobText(value, this.#settings);
    const key = hash('sha256', text, 'hex');
    const due = Math.ceil(now(this.#settings.clock)) + this.#grace;
    await this.#writer.write('blobs.put', () => {
      if (this.#prolong.run(due, key) === 0) this.#insert.run(key, due, text);
    });
    return key;
  }

  async read(hash: string): Promise<Json | undefined> {
    this.#lifetime.assertOpen('blobs.read');
    assertForm('hash', hash, 'hash');
    const row = reading('blobs.read', () => this.#select.get(hash));
    return row && JSON.parse(row.text);
  }

  /** A journal uses it from now on. To be called in a transaction. */
  use(hash: string, journal: number): void {
    this.#use.run(hash, journal);
  }

  /** A journal is gone: so are some of its uses. To be called in a transaction, until there are none. @returns How many. */
  release(journal: number, most: number): number {
    const uses = this.#uses.all(journal, most);
    for (const { hash } of uses) {
      this.#release.run(hash, journal);
      this.#dropUnused.run(hash);
    }
    return uses.length;
  }

  /** Drops what is due. To be called in a transaction. @returns How many it looked at. */
  sweep(at: number, most: number): number {
    const due = this.#due.all(at, most);
    for (const { hash } of due) if (this.#dropDue.run(hash) === 0) this.#keepUsed.run(hash);
    return due.length;
  }
}

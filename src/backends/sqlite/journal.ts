/**
 * Invariants:
 * - Of appends that expect the same sequence one wins (B3): the check and the append are one work of the writer.
 * - A journal is dropped as a whole, in one step, once retention has passed since its last commit, if that one is
 *   closing; its rows go after that, so many at a time, and nobody finds them meanwhile.
 * - No sequence is given twice, also not after what bore it is gone.
 */
import type { DatabaseSync } from 'node:sqlite';
import { now } from '../../../machines/clock.ts';
import { assertPlace, entriesText } from '../arguments.ts';
import { JournalConflictError } from '../errors/journal-conflict-error.ts';
import { Followers } from '../followers.ts';
import type { Lifetime } from '../lifetime.ts';
import { assertForm } from '../names.ts';
import type { Commit, Journal, StoredCommit, Subscription } from '../port.ts';
import { parsedWhenRead } from '../stored-commit.ts';
import type { SqliteBlobs } from './blobs.ts';
import { type LastCommit, LastCommits } from './last-commits.ts';
import { Sequence } from './marks.ts';
import type { SqliteSettings } from './options.ts';
import { reading, Statement } from './statement.ts';
import type { Writer } from './writer.ts';

/** How much is read at once: so many commits, or so many characters of their entries. */
const MOST_COMMITS = 256;
const MOST_CHARACTERS = 1_000_000;

/** How many journals are dropped at once. */
const DROP = 64;

interface CommitRow {
  readonly sequence: number;
  readonly id: string;
  readonly writer: string;
  readonly at: number;
  readonly closing: number | null;
  readonly blobs: string | null;
  readonly entries: string;
}

interface LastRow extends Omit<LastCommit, 'isClosing'> {
  readonly isClosing: number;
}

/** A commit on its way into the file, copied from what the caller gave. */
interface NewCommit extends Pick<Commit, 'id' | 'writer' | 'blobs' | 'closing'> {
  readonly text: string;
}

export class SqliteJournal implements Journal {
  readonly #settings: SqliteSettings;
  readonly #lifetime: Lifetime;
  readonly #writer: Writer;
  readonly #blobs: SqliteBlobs;
  readonly #sequence: Sequence;
  readonly #followers: Followers;
  readonly #lastCommits = new LastCommits();
  /** Journals that go with this transaction, and that somebody follows: by task id, their last sequences. */
  readonly #dropping = new Map<string, number>();
  readonly #selectLast: Statement<LastRow>;
  readonly #selectNext: Statement<{ sequence: number; id: string }>;
  readonly #selectAfter: Statement<CommitRow>;
  readonly #selectLastCommit: Statement<CommitRow>;
  readonly #begin: Statement;
  readonly #insert: Statement;
  readonly #close: Statement;
  readonly #expired: Statement<{ key: number; taskId: string }>;
  readonly #dropJournal: Statement;
  readonly #markDropped: Statement;
  readonly #selectDropped: Statement<{ key: number }>;
  readonly #removeCommits: Statement;
  readonly #forgetDropped: Statement;

  constructor(
    db: DatabaseSync,
    writer: Writer,
    settings: SqliteSettings,
    lifetime: Lifetime,
    blobs: SqliteBlobs,
  ) {
    this.#settings = settings;
    this.#lifetime = lifetime;
    this.#writer = writer;
    this.#blobs = blobs;
    this.#sequence = new Sequence(db, 'commits');
    writer.onRollback(() => {
      this.#lastCommits.clear();
      this.#dropping.clear();
    });
    this.#followers = new Followers(settings.clock, (taskId, after) =>
      this.#readOn(taskId, after, Number.MAX_SAFE_INTEGER).map(storedCommit),
    );
    const ofTask = 'FROM journals JOIN commits ON journal = key WHERE task_id = ?';
    const columns = 'sequence, id, writer, at, closing, blobs, entries';
    this.#selectLast = new Statement(
      db,
      `SELECT journal, sequence, id, writer, closed_at IS NOT NULL AS isClosing ${ofTask} ORDER BY sequence DESC LIMIT 1`,
    );
    this.#selectNext = new Statement(
      db,
      'SELECT sequence, id FROM commits WHERE journal = ? AND sequence > ? ORDER BY sequence LIMIT 1',
    );
    this.#selectAfter = new Statement(
      db,
      `SELECT ${columns} ${ofTask} AND sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ${MOST_COMMITS}`,
    );
    this.#selectLastCommit = new Statement(db, `SELECT ${columns} ${ofTask} ORDER BY sequence DESC LIMIT 1`);
    this.#begin = new Statement(db, 'INSERT INTO journals VALUES (?, ?, NULL)');
    this.#insert = new Statement(db, 'INSERT INTO commits VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
    this.#close = new Statement(db, 'UPDATE journals SET closed_at = ? WHERE key = ?');
    this.#expired = new Statement(
      db,
      'SELECT key, task_id AS taskId FROM journals WHERE closed_at < ? ORDER BY closed_at LIMIT ?',
    );
    this.#dropJournal = new Statement(db, 'DELETE FROM journals WHERE key = ?');
    this.#markDropped = new Statement(db, 'INSERT INTO dropped_journals VALUES (?)');
    this.#selectDropped = new Statement(db, 'SELECT key FROM dropped_journals LIMIT 1');
    this.#removeCommits = new Statement(
      db,
      'DELETE FROM commits WHERE sequence IN (SELECT sequence FROM commits WHERE journal = ? LIMIT ?)',
    );
    this.#forgetDropped = new Statement(db, 'DELETE FROM dropped_journals WHERE key = ?');
  }

  async append(taskId: string, expected: number, commit: Commit): Promise<number> {
    this.#lifetime.assertOpen('journal.append');
    const text = entriesText(taskId, expected, commit, this.#settings);
    const { id, writer, closing } = commit;
    const blobs = commit.blobs && [...commit.blobs];
    const fresh = { id, writer, text, ...(closing !== undefined && { closing }), ...(blobs && { blobs }) };
    const sequence = await this.#writer.write('journal.append', () => this.#append(taskId, expected, fresh));
    this.#followers.wake(taskId);
    return sequence;
  }

  async *read(taskId: string, position = 0): AsyncGenerator<StoredCommit, void, undefined> {
    this.#lifetime.assertOpen('journal.read');
    assertPlace(taskId, position);
    const end = this.#sequence.last;
    for (let after = position; ; ) {
      const rows = reading('journal.read', () => this.#readOn(taskId, after, end));
      const last = rows.at(-1);
      if (!last) return;
      for (const row of rows) {
        this.#lifetime.assertOpen('journal.read');
        yield storedCommit(row);
      }
      this.#lifetime.assertOpen('journal.read');
      after = last.sequence;
    }
  }

  async last(taskId: string): Promise<StoredCommit | undefined> {
    this.#lifetime.assertOpen('journal.last');
    assertForm('taskId', taskId, 'taskId');
    const row = reading('journal.last', () => this.#selectLastCommit.get(taskId));
    return row && storedCommit(row);
  }

  async follow(
    taskId: string,
    position: number,
    onCommit: (commit: StoredCommit) => void,
    onGap?: (error: unknown) => void,
  ): Promise<Subscription> {
    this.#lifetime.assertOpen('journal.follow');
    assertPlace(taskId, position);
    return this.#lifetime.subscription(this.#followers.add(taskId, position, { onCommit, onGap }));
  }

  /** Drops journals whose retention is over. To be called in a transaction. @returns How many rows went. */
  sweep(at: number, most: number): number {
    let removed = 0;
    while (removed < most) {
      const key = this.#selectDropped.get()?.key;
      if (key === undefined) {
        const expired = this.#expired.all(at - this.#settings.retention, DROP);
        if (expired.length === 0) break;
        for (const journal of expired) {
          const { taskId } = journal;
          if (this.#followers.has(taskId)) this.#dropping.set(taskId, this.#last(taskId)?.sequence ?? 0);
          this.#dropJournal.run(journal.key);
          this.#markDropped.run(journal.key);
        }
        continue;
      }
      const rows = this.#removeCommits.run(key, most - removed) + this.#blobs.release(key, most - removed);
      if (rows === 0) this.#forgetDropped.run(key);
      removed += rows;
    }
    if (removed > 0) this.#sequence.remember();
    return removed;
  }

  /** To be called once a removal is durable. */
  onSwept(): void {
    for (const [taskId, last] of this.#dropping) this.#followers.dropped(taskId, last);
    this.#dropping.clear();
  }

  #append(taskId: string, expected: number, commit: NewCommit): number {
    const last = this.#last(taskId);
    // No append that anybody has a reason to make, but an id must not come to stand twice.
    if (last?.id === commit.id) return last.sequence;
    if (expected === (last?.sequence ?? 0)) return this.#store(taskId, last, commit);
    // Were this append a repeated one, its commit would stand right behind the one that it expects.
    const next = last && this.#selectNext.get(last.journal, expected);
    if (next?.id === commit.id) return next.sequence;
    throw new JournalConflictError(taskId, expected, {
      sequence: last?.sequence ?? 0,
      writer: last?.writer,
    });
  }

  #last(taskId: string): LastCommit | undefined {
    const known = this.#lastCommits.get(taskId);
    if (known) return known;
    const row = this.#selectLast.get(taskId);
    return row && { ...row, isClosing: row.isClosing !== 0 };
  }

  #store(taskId: string, last: LastCommit | undefined, commit: NewCommit): number {
    const { id, writer, blobs, closing, text } = commit;
    const sequence = this.#sequence.next();
    const journal = last?.journal ?? sequence;
    const at = Math.floor(now(this.#settings.clock));
    if (!last) this.#begin.run(journal, taskId);
    this.#insert.run(
      sequence,
      journal,
      id,
      writer,
      at,
      closing === undefined ? null : Number(closing),
      blobs ? JSON.stringify(blobs) : null,
      text,
    );
    for (const hash of blobs ?? []) this.#blobs.use(hash, journal);
    if (closing) this.#close.run(at, journal);
    else if (last?.isClosing) this.#close.run(null, journal);
    this.#lastCommits.set(taskId, { journal, sequence, id, writer, isClosing: closing ?? false });
    return sequence;
  }

  #readOn(taskId: string, after: number, end: number): CommitRow[] {
    let characters = 0;
    const isEnough = ({ entries }: CommitRow): boolean => {
      characters += entries.length;
      return characters > MOST_CHARACTERS;
    };
    return this.#selectAfter.allUntil(isEnough, taskId, after, end);
  }
}

function storedCommit({ closing, blobs, entries, ...row }: CommitRow): StoredCommit {
  return parsedWhenRead(
    {
      ...row,
      ...(closing !== null && { closing: closing !== 0 }),
      ...(blobs !== null && { blobs: JSON.parse(blobs) }),
    },
    entries,
  );
}

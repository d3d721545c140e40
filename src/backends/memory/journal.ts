/**
 * Invariants:
 * - Of appends that expect the same sequence one wins (B3): the check and the append are one synchronous step.
 * - Commits are kept as JSON text, so that nothing is shared by reference (B4).
 * - A journal whose last commit is closing is dropped once retention has passed since; lazily, oldest first.
 */
import { now } from '../../../machines/clock.ts';
import { assertPlace, entriesText } from '../arguments.ts';
import { JournalConflictError } from '../errors/journal-conflict-error.ts';
import { Fifo, firstIndex } from '../fifo.ts';
import { Followers } from '../followers.ts';
import type { Lifetime } from '../lifetime.ts';
import { assertForm } from '../names.ts';
import type { Commit, Journal, StoredCommit, Subscription } from '../port.ts';
import { parsedWhenRead } from '../stored-commit.ts';
import type { MemoryBlobs } from './blobs.ts';
import type { MemorySettings } from './options.ts';

/** A commit at rest: its entries as text. */
interface Row extends Omit<StoredCommit, 'entries'> {
  readonly text: string;
}

interface TaskJournal {
  readonly taskId: string;
  readonly rows: Row[];
  /** Hashes that its commits refer to, each retained once. */
  readonly blobs: Set<string>;
}

/** A journal that was closed by the commit with this sequence; by now it may be open again. */
interface Closing {
  readonly journal: TaskJournal;
  readonly sequence: number;
  readonly at: number;
}

export class MemoryJournal implements Journal {
  readonly #settings: MemorySettings;
  readonly #lifetime: Lifetime;
  readonly #blobs: MemoryBlobs;
  readonly #journals = new Map<string, TaskJournal>();
  readonly #closings = new Fifo<Closing>();
  readonly #followers: Followers;
  #sequence = 0;

  constructor(settings: MemorySettings, lifetime: Lifetime, blobs: MemoryBlobs) {
    this.#settings = settings;
    this.#lifetime = lifetime;
    this.#blobs = blobs;
    this.#followers = new Followers(settings.clock, (taskId, position) => this.#readOn(taskId, position));
  }

  async append(taskId: string, expected: number, commit: Commit): Promise<number> {
    this.#lifetime.assertOpen('journal.append');
    const text = entriesText(taskId, expected, commit, this.#settings);
    const at = now(this.#settings.clock);
    this.#sweep(at);

    const journal = this.#journals.get(taskId);
    const last = journal?.rows.at(-1);
    // No append that anybody has a reason to make, but an id must not come to stand twice.
    if (last?.id === commit.id) return last.sequence;
    if (expected !== (last?.sequence ?? 0)) {
      // Were this append a repeated one, its commit would stand right behind the one that it expects.
      const next = journal?.rows[indexAfter(journal.rows, expected)];
      if (next?.id === commit.id) return next.sequence;
      throw new JournalConflictError(taskId, expected, {
        sequence: last?.sequence ?? 0,
        writer: last?.writer,
      });
    }
    return this.#store(journal ?? this.#begin(taskId), commit, text, at);
  }

  async *read(taskId: string, position = 0): AsyncGenerator<StoredCommit, void, undefined> {
    this.#lifetime.assertOpen('journal.read');
    assertPlace(taskId, position);
    for (const row of after(this.#rows(taskId), position)) {
      this.#lifetime.assertOpen('journal.read');
      yield storedCommit(row);
    }
  }

  async last(taskId: string): Promise<StoredCommit | undefined> {
    this.#lifetime.assertOpen('journal.last');
    assertForm('taskId', taskId, 'taskId');
    const row = this.#rows(taskId).at(-1);
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

  #begin(taskId: string): TaskJournal {
    const journal: TaskJournal = { taskId, rows: [], blobs: new Set() };
    this.#journals.set(taskId, journal);
    return journal;
  }

  #store(journal: TaskJournal, commit: Commit, text: string, at: number): number {
    const { id, writer, blobs, closing } = commit;
    const sequence = ++this.#sequence;
    const optional = { ...(blobs && { blobs: [...blobs] }), ...(closing !== undefined && { closing }) };
    journal.rows.push({ id, writer, ...optional, sequence, at, text });
    for (const hash of blobs ?? []) {
      if (journal.blobs.has(hash)) continue;
      journal.blobs.add(hash);
      this.#blobs.retain(hash);
    }
    if (closing) this.#closings.push({ journal, sequence, at });
    this.#followers.wake(journal.taskId);
    return sequence;
  }

  #rows(taskId: string): readonly Row[] {
    this.#sweep(now(this.#settings.clock));
    return this.#journals.get(taskId)?.rows ?? [];
  }

  #sweep(at: number): void {
    const { retention } = this.#settings;
    for (let head = this.#closings.at(0); head && head.at + retention < at; head = this.#closings.at(0)) {
      this.#closings.shift();
      const { journal, sequence } = head;
      if (journal.rows.at(-1)?.sequence !== sequence) continue;
      this.#journals.delete(journal.taskId);
      this.#followers.dropped(journal.taskId, sequence);
      for (const hash of journal.blobs) this.#blobs.release(hash);
    }
  }

  *#readOn(taskId: string, position: number): Generator<StoredCommit, void, undefined> {
    for (const row of after(this.#journals.get(taskId)?.rows ?? [], position)) yield storedCommit(row);
  }
}

function indexAfter(rows: readonly Row[], sequence: number): number {
  return firstIndex(rows, (row) => row.sequence > sequence);
}

/** The rows behind a sequence. A copy: what is appended meanwhile is not among them. */
function after(rows: readonly Row[], sequence: number): readonly Row[] {
  return rows.slice(indexAfter(rows, sequence));
}

function storedCommit(row: Row): StoredCommit {
  const { text, ...commit } = row;
  return parsedWhenRead({ ...commit, ...(commit.blobs && { blobs: [...commit.blobs] }) }, text);
}

import { randomUUID } from 'node:crypto';
import { RequestError, type TaskRequest } from '../../machines/task/index.ts';
import {
  type Commit,
  EntryTooLargeError,
  JournalConflictError,
  JournalDroppedError,
  type Json,
} from '../backends/index.ts';
import type { LargeValueJournal } from '../backends/large-values/index.ts';
import { type Append, type Entry, EntryRefusedError } from '../durable/index.ts';
import { TaskNotFoundError } from './errors/task-not-found-error.ts';
import { readTaskEntry, type TaskEntry } from './task-entry.ts';
import { TaskPast } from './task-past.ts';
import type { TaskView } from './task-view.ts';

/** Begins the names of those who write the service's entries, so that these are found without reading the others. */
const SERVICE = 'service:';

/** An entry as it stands in a journal. */
export interface JournalEntry {
  /** Counted from 1. */
  readonly number: number;
  /** When its commit was stored: ISO 8601. */
  readonly stored_at: string;
  readonly entry: Json;
}

/** Reads and writes the journals of tasks, in the words of the service. */
export class TaskLog {
  readonly #journal: LargeValueJournal;
  /** One incarnation of one worker: tells its commits from others'. */
  readonly #writer = `${SERVICE}${randomUUID()}`;

  constructor(journal: LargeValueJournal) {
    this.#journal = journal;
  }

  /** @returns `undefined` for a task that was never asked for. */
  async read(taskId: string): Promise<TaskPast | undefined> {
    return TaskPast.read(this.#journal.read(taskId));
  }

  /** All that a journal holds, entry by entry. @throws {TaskNotFoundError} */
  async entries(taskId: string): Promise<JournalEntry[]> {
    const all: JournalEntry[] = [];
    for await (const { at, entries } of this.#journal.read(taskId)) {
      for (const entry of entries)
        all.push({ number: all.length + 1, stored_at: new Date(at).toISOString(), entry });
    }
    if (all.length === 0) throw new TaskNotFoundError(taskId);
    return all;
  }

  /** Whether a task was asked for. */
  async has(taskId: string): Promise<boolean> {
    return (await this.#journal.last(taskId)) !== undefined;
  }

  /** Reads on where a past ends. */
  async readOn(taskId: string, past: TaskPast): Promise<void> {
    for await (const commit of this.#journal.read(taskId, past.sequence)) past.hear(commit);
  }

  /**
   * Writes a request as the first entry, unless one stands there.
   *
   * @param how.from Where it was taken from, if not from who asked.
   * @returns What stands there, and whether it stood there before. What a worker took from the inbox it may have from who asks this time: that counts
   *   as asked for now.
   */
  async request(
    taskId: string,
    request: TaskRequest,
    version: string,
    how: { from?: 'inbox' } = {},
  ): Promise<{ past: TaskPast; duplicate: boolean }> {
    const entry = { type: 'task.requested' as const, request, version, ...how };
    try {
      return { past: await this.write(taskId, new TaskPast(entry), entry), duplicate: false };
    } catch (error) {
      const past = error instanceof JournalConflictError && (await this.read(taskId));
      if (past) return { past, duplicate: past.from !== 'inbox' };
      throw error;
    }
  }

  /** Appends what a task's own life brings; it is closed by how it ended alone. */
  append(taskId: string): Append {
    return async (expected, batch) => {
      try {
        return await this.#journal.append(taskId, expected, { ...batch, closing: false });
      } catch (error) {
        // Its effect fails, and the others are written.
        if (error instanceof EntryTooLargeError) {
          throw new EntryRefusedError(error.index, error.message, { cause: error });
        }
        throw error;
      }
    };
  }

  /**
   * Writes down what the service has to say of a task. It fences: whoever ran the task cannot write to it any more. A journal
   * that is closed stays so, but where the task begins anew.
   *
   * @returns The past, with it.
   * @throws {JournalConflictError} Another came first.
   */
  async write(
    taskId: string,
    past: TaskPast,
    entry: Exclude<TaskEntry, { type: 'task.ended' }>,
  ): Promise<TaskPast> {
    const closing = past.isClosed && entry.type !== 'task.restarted';
    const commit = { ...this.#commit(entry), closing };
    past.sequence = await this.#journal.append(taskId, past.sequence, commit);
    past.isClosed = closing;
    for (const json of commit.entries) past.add(json, entry);
    return past;
  }

  /** A closing note for a task that was taken up, but not begun. @param at In ms since the epoch. */
  async rest(taskId: string, past: TaskPast, at: number): Promise<void> {
    const entry: Entry = { type: 'rested', at };
    await this.#journal.append(taskId, past.sequence, this.#commit(entry));
  }

  /**
   * How an entry is written by whoever runs the task: the same commit however often it is called.
   *
   * @throws {JournalConflictError} Another owns the task.
   */
  writing(
    taskId: string,
    sequence: number,
    entry: TaskEntry,
    { closing }: { closing: boolean },
  ): () => Promise<void> {
    const commit = { ...this.#commit(entry), closing };
    return async () => {
      await this.#journal.append(taskId, sequence, commit);
    };
  }

  /**
   * Resolves with how the task ended, once it has.
   *
   * @param signal Gives up waiting.
   * @throws {TaskNotFoundError} Its journal is gone.
   * @throws {MissingBlobError} What it refers to is gone.
   */
  async ended(taskId: string, signal?: AbortSignal): Promise<TaskView> {
    signal?.throwIfAborted();
    const past = await this.read(taskId);
    if (!past) throw new TaskNotFoundError(taskId);
    if (past.ended) return past.ended.view;
    return this.#next(taskId, past.sequence, signal, (entry) =>
      entry.type === 'task.ended' ? entry.view : undefined,
    );
  }

  /**
   * Resolves once the task was begun anew at an event's request.
   *
   * @param signal Gives up waiting.
   * @throws {RequestError} By the time that the event was looked at, it could not be.
   */
  async restarted(taskId: string, name: string, eventId: string, signal?: AbortSignal): Promise<void> {
    const entry = await this.#next(taskId, 0, signal, (entry) => {
      const isIt = entry.type === 'task.restarted' || entry.type === 'task.refused';
      return isIt && entry.id === eventId && entry;
    });
    if (entry.type === 'task.refused') throw new RequestError(name, entry.issues);
  }

  /** Resolves with what is found first in the entries of the service behind a place. */
  async #next<Found>(
    taskId: string,
    sequence: number,
    signal: AbortSignal | undefined,
    find: (entry: TaskEntry) => Found | false | undefined,
  ): Promise<Found> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<Found>();
    const giveUp = () => reject(signal?.reason);
    signal?.addEventListener('abort', giveUp);
    const following = this.#journal.follow(
      taskId,
      sequence,
      ({ entries }) => {
        for (const entry of entries) {
          const ours = readTaskEntry(entry);
          const found = ours && find(ours);
          if (found) return resolve(found);
        }
      },
      (error) => reject(error instanceof JournalDroppedError ? new TaskNotFoundError(taskId) : error),
      ({ writer }) => writer.startsWith(SERVICE),
    );
    following.catch(reject);
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', giveUp);
      // Not awaited: who gives up does not wait for a backend that is away.
      following.then((subscription) => subscription.stop()).catch(() => {});
    }
  }

  #commit(entry: TaskEntry | Entry): Commit {
    return { id: randomUUID(), writer: this.#writer, entries: [entry as unknown as Json] };
  }
}

import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type TaskRequest, taskRequestSchema } from '../../machines/task/index.ts';
import {
  type Commit,
  EntryTooLargeError,
  type Journal,
  JournalConflictError,
  JournalDroppedError,
  type Json,
} from '../backends/index.ts';
import { type Append, EntryRefusedError } from '../durable/index.ts';
import { TaskNotFoundError } from './errors/task-not-found-error.ts';
import type { TaskView } from './task-view.ts';

/**
 * What the service writes into a task's journal: the request, which makes the task exist; each time that a worker takes it
 * up again, which takes it from whoever ran it before; and how it ended, which closes it once no message can wake it any more.
 * What lies between is written by `src/durable`, whose entries have types without a dot.
 */
const requestedSchema = z.object({
  type: z.literal('task.requested'),
  request: taskRequestSchema,
  /** Of the task, for new requests, when this one came. */
  version: z.string(),
  /** Written by the worker that took the request from the inbox, before whoever asked came to it, or instead of them. */
  from: z.literal('inbox').optional(),
});
const resumedSchema = z.object({ type: z.literal('task.resumed') });
const endedSchema = z.object({
  type: z.literal('task.ended'),
  /** In ms since the epoch. */
  at: z.number(),
  view: z.custom<TaskView>(),
});
const entrySchema = z.discriminatedUnion('type', [requestedSchema, resumedSchema, endedSchema]);

/** An entry of the service, or nothing: one of the task's own. */
function readEntry(entry: Json): z.output<typeof entrySchema> | undefined {
  const { data } = z.object({ type: z.string().startsWith('task.') }).safeParse(entry);
  return data && entrySchema.parse(entry);
}

/** A task's past, as far as its journal tells. */
export interface TaskPast {
  readonly request: TaskRequest;
  readonly version: string;
  readonly from?: 'inbox' | undefined;
  /** How it ended; nothing while it has not. */
  readonly ended?: { readonly view: TaskView; readonly at: number };
  readonly isClosed: boolean;
  /** All that it holds, its own entries and the service's. */
  readonly entries: readonly Json[];
  /** The sequence of the last commit. */
  readonly sequence: number;
}

/** Reads and writes the journals of tasks, in the words of the service. */
export class TaskLog {
  readonly #journal: Journal;
  /** One incarnation of one worker: tells its commits from others'. */
  readonly #writer = randomUUID();

  /** @param journal That keeps large values apart: it says which entry is too large. */
  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** @returns `undefined` for a task that was never asked for. */
  async read(taskId: string): Promise<TaskPast | undefined> {
    const all: Json[] = [];
    let past: TaskPast | undefined;
    for await (const { entries, sequence, closing: isClosed = false } of this.#journal.read(taskId)) {
      all.push(...entries);
      for (const entry of entries) {
        const read = readEntry(entry);
        if (read?.type === 'task.requested') past = { ...read, isClosed, entries: all, sequence };
        if (read?.type === 'task.ended' && past) past = { ...past, ended: read };
      }
      if (past) past = { ...past, isClosed, sequence };
    }
    return past;
  }

  /**
   * Writes a request as the first entry, unless one stands there.
   *
   * @param how.from Where it was taken from, if not from who asked.
   * @returns What stands there, and whether it stood there before somebody asked this time. Of a task that a worker took from the inbox
   *   it is not known who came first: it counts as asked for now.
   */
  async request(
    taskId: string,
    request: TaskRequest,
    version: string,
    how: { from?: 'inbox' } = {},
  ): Promise<TaskPast & { readonly duplicate: boolean }> {
    const commit = this.#commit({ type: 'task.requested', request: request as Json, version, ...how });
    const { entries } = commit;
    try {
      const sequence = await this.#journal.append(taskId, 0, commit);
      return { request, version, isClosed: false, entries, sequence, duplicate: false };
    } catch (error) {
      const past = error instanceof JournalConflictError && (await this.read(taskId));
      if (past) return { ...past, duplicate: past.from !== 'inbox' };
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

  /** Takes a task that was begun: who ran it before cannot write to it any more. @throws {JournalConflictError} Another came first. */
  async resume(taskId: string, past: TaskPast): Promise<TaskPast> {
    const commit = this.#commit({ type: 'task.resumed' });
    const sequence = await this.#journal.append(taskId, past.sequence, commit);
    return { ...past, entries: [...past.entries, ...commit.entries], sequence };
  }

  /** How a task's end is written: the same commit however often it is called. @throws {JournalConflictError} Another owns the task. */
  ending(
    taskId: string,
    sequence: number,
    { view, at }: { view: TaskView; at: number },
    how: { closing: boolean },
  ): () => Promise<void> {
    const commit = { ...this.#commit({ type: 'task.ended', at, view: view as unknown as Json }), ...how };
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
    const { promise, resolve, reject } = Promise.withResolvers<TaskView>();
    const giveUp = () => reject(signal?.reason);
    signal?.addEventListener('abort', giveUp);
    const following = this.#journal.follow(
      taskId,
      0,
      ({ entries }) => {
        for (const entry of entries) {
          const read = readEntry(entry);
          if (read?.type === 'task.ended') resolve(read.view);
        }
      },
      (error) => reject(error instanceof JournalDroppedError ? new TaskNotFoundError(taskId) : error),
    );
    following.catch(reject);
    // A journal that is gone will never tell.
    this.#journal.last(taskId).then((last) => last ?? reject(new TaskNotFoundError(taskId)), reject);
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', giveUp);
      // Not awaited: who gives up does not wait for a backend that is away.
      following.then((subscription) => subscription.stop()).catch(() => {});
    }
  }

  #commit(entry: { type: string; [field: string]: Json }): Commit {
    return { id: randomUUID(), writer: this.#writer, entries: [entry] };
  }
}

import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type TaskRequest, taskRequestSchema } from '../../machines/task/index.ts';
import { type Commit, type Journal, JournalConflictError, type Json } from '../backends/index.ts';
import type { TaskView } from './task-view.ts';

/**
 * What the service writes into a task's journal: the request, which makes the task exist; each time that a worker begins to run
 * it, which takes it from whoever ran it before; and how it ended, which closes it once no message can wake it any more. What lies between is made durable by
 * `src/durable`.
 */
const requestedSchema = z.object({
  type: z.literal('task.requested'),
  request: taskRequestSchema,
  /** Of the task, for new requests, when this one came. */
  version: z.string(),
});
const begunSchema = z.object({ type: z.literal('task.begun') });
const endedSchema = z.object({ type: z.literal('task.ended'), view: z.custom<TaskView>() });
const entrySchema = z.discriminatedUnion('type', [requestedSchema, begunSchema, endedSchema]);

/** A task's past, as far as its journal tells. */
export interface TaskPast {
  readonly request: TaskRequest;
  readonly version: string;
  /** How it ended; nothing while it has not. */
  readonly ended?: TaskView;
  readonly isClosed: boolean;
  /** How many entries there are. */
  readonly entries: number;
  /** The sequence of the last commit. */
  readonly sequence: number;
}

/** Reads and writes the journals of tasks, in the words of the service. */
export class TaskLog {
  readonly #journal: Journal;
  /** One incarnation of one worker: tells its commits from others'. */
  readonly #writer = randomUUID();

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** @returns `undefined` for a task that was never asked for. */
  async read(taskId: string): Promise<TaskPast | undefined> {
    let past: TaskPast | undefined;
    let count = 0;
    for await (const { entries, sequence, closing: isClosed = false } of this.#journal.read(taskId)) {
      count += entries.length;
      for (const entry of entries) {
        const read = entrySchema.parse(entry);
        if (read.type === 'task.requested') past = { ...read, isClosed, entries: count, sequence };
        else if (past) past = { ...past, isClosed, entries: count, sequence };
        if (past && read.type === 'task.ended') past = { ...past, ended: read.view };
      }
    }
    return past;
  }

  /** Writes a request as the first entry, unless one stands there. @returns What stands there. */
  async request(taskId: string, request: TaskRequest, version: string): Promise<TaskPast> {
    const commit = this.#commit({ type: 'task.requested', request: request as Json, version });
    try {
      const sequence = await this.#journal.append(taskId, 0, commit);
      return { request, version, isClosed: false, entries: 1, sequence };
    } catch (error) {
      const past = error instanceof JournalConflictError && (await this.read(taskId));
      if (past) return past;
      throw error;
    }
  }

  /** Takes the task: who ran it before cannot write to it any more. @throws {JournalConflictError} Another came first. */
  async begin(taskId: string, past: TaskPast): Promise<TaskPast> {
    const sequence = await this.#journal.append(taskId, past.sequence, this.#commit({ type: 'task.begun' }));
    return { ...past, entries: past.entries + 1, sequence };
  }

  /** How a task's end is written: the same commit however often it is called. @throws {JournalConflictError} Another owns the task. */
  ending(taskId: string, past: TaskPast, view: TaskView, how: { closing: boolean }): () => Promise<void> {
    const commit = { ...this.#commit({ type: 'task.ended', view: view as unknown as Json }), ...how };
    return async () => {
      await this.#journal.append(taskId, past.sequence, commit);
    };
  }

  /** Resolves with how the task ended, once it has. @param signal Gives up waiting. */
  async ended(taskId: string, signal?: AbortSignal): Promise<TaskView> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<TaskView>();
    const giveUp = () => reject(signal?.reason);
    signal?.addEventListener('abort', giveUp);
    const following = this.#journal.follow(taskId, 0, ({ entries }) => {
      for (const entry of entries) {
        const read = entrySchema.parse(entry);
        if (read.type === 'task.ended') resolve(read.view);
      }
    });
    following.catch(reject);
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

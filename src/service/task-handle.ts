import type { TaskReport } from '../../machines/task/index.ts';
import type { Backend, Subscription } from '../backends/index.ts';
import { type ChangeEvent, changeEventSchema, changeSubject } from './change-event.ts';
import { logEntrySchema } from './task-log.ts';
import type { TaskView } from './task-view.ts';

/** How a task ended. */
export type TaskResult = Pick<TaskView, 'id' | 'name' | 'version' | 'status' | 'steps'> &
  Pick<TaskReport, 'output' | 'error'>;

interface Access {
  readonly backend: Backend;
  readonly view: () => Promise<TaskView>;
  readonly send: (event: { type: string; reason?: string }) => Promise<void>;
}

/** A task that was asked for: to await, to follow, to cancel. */
export class TaskHandle {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly #access: Access;

  constructor(task: Pick<TaskView, 'id' | 'name' | 'version'>, access: Access) {
    this.id = task.id;
    this.name = task.name;
    this.version = task.version;
    this.#access = access;
  }

  /**
   * Resolves once the task has ended, well or not: a task that failed is a result, not an exception.
   *
   * @param options.signal Gives up waiting; the task goes on.
   */
  async result({ signal }: { signal?: AbortSignal } = {}): Promise<TaskResult> {
    const { promise, resolve, reject } = Promise.withResolvers<TaskResult>();
    const giveUp = () => reject(signal?.reason);
    signal?.addEventListener('abort', giveUp);
    signal?.throwIfAborted();
    await using _following = await this.#access.backend.journal.follow(this.id, 0, ({ entries, closing }) => {
      if (!closing) return;
      for (const entry of entries) {
        const read = logEntrySchema.parse(entry);
        if (read.type === 'task.ended') resolve(read.view);
      }
    });
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  }

  /** How it stands now. */
  view(): Promise<TaskView> {
    return this.#access.view();
  }

  /**
   * Every change of the task, from its first to its last, then ends.
   *
   * @example
   * ```ts
   * for await (const { data } of task.changes()) console.log(data.status, data.changes);
   * ```
   */
  async *changes(): AsyncGenerator<ChangeEvent, void> {
    let following: Subscription | undefined;
    const changes = new ReadableStream<ChangeEvent>({
      start: async (controller) => {
        following = await this.#access.backend.events.subscribe(
          changeSubject(this.name, this.id),
          { start: 'all' },
          ({ body }) => controller.enqueue(changeEventSchema.parse(body)),
        );
      },
      cancel: () => following?.stop(),
    });
    for await (const change of changes) {
      yield change;
      if (hasEnded(change)) return;
    }
  }

  /** Cancels the task, wherever it is; one that has ended stays as it is. @param reason For a person. */
  cancel(reason?: string): Promise<void> {
    return this.#access.send({ type: 'task.cancel', ...(reason !== undefined && { reason }) });
  }
}

function hasEnded({ data }: ChangeEvent): boolean {
  return !['pending', 'running', 'parked', 'paused', 'blocked'].includes(data.status);
}

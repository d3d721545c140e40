import type { TaskReport, TaskRequest } from '../../machines/task/index.ts';
import type { EventBus } from '../backends/index.ts';
import { type ChangeEvent, changeEventSchema, changeSubject } from './change-event.ts';
import type { RestartEvent } from './task-event.ts';
import type { TaskView } from './task-view.ts';

/** How a task ended. */
export type TaskResult = Pick<TaskView, 'id' | 'name' | 'version' | 'status' | 'steps'> &
  Pick<TaskReport, 'output' | 'error'>;

interface Access {
  readonly events: EventBus;
  readonly view: () => Promise<TaskView>;
  /** Whether it was begun anew after an entry. */
  readonly isRestarted: (entry: number) => Promise<boolean>;
  readonly ended: (signal: AbortSignal | undefined) => Promise<TaskView>;
  readonly send: (event: unknown, how?: { readonly id?: string }) => Promise<void>;
  readonly restart: (options: RestartOptions) => Promise<void>;
}

/** How a task is begun anew. */
export interface RestartOptions extends Omit<RestartEvent, 'type'> {
  /** Gives up waiting until it is begun. */
  readonly signal?: AbortSignal;
}

/** A task that was asked for: to await, to follow, to cancel. */
export class TaskHandle {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** What it was asked for with. */
  readonly request: TaskRequest;
  /** Whether it was there before it was asked for this time. */
  readonly duplicate: boolean;
  readonly #access: Access;

  constructor(task: Pick<TaskHandle, 'id' | 'name' | 'version' | 'request' | 'duplicate'>, access: Access) {
    this.id = task.id;
    this.name = task.name;
    this.version = task.version;
    this.request = task.request;
    this.duplicate = task.duplicate;
    this.#access = access;
  }

  /**
   * Resolves once the task has ended, well or not: a task that failed is a result, not an exception.
   *
   * @param options.signal Gives up waiting; the task goes on.
   * @throws {TaskNotFoundError} It ended longer ago than its journal is kept.
   */
  result({ signal }: { signal?: AbortSignal } = {}): Promise<TaskResult> {
    return this.#access.ended(signal);
  }

  /** How it stands now. */
  view(): Promise<TaskView> {
    return this.#access.view();
  }

  /**
   * Every change of the task, from its first to its last, then ends.
   *
   * @param options.signal Gives up following: the iteration throws its reason.
   * @throws {TaskNotFoundError} It ended longer ago than its journal is kept.
   * @example
   * ```ts
   * for await (const { data } of task.changes()) console.log(data.status, data.changes);
   * ```
   */
  async *changes({ signal }: { signal?: AbortSignal } = {}): AsyncGenerator<ChangeEvent, void> {
    signal?.throwIfAborted();
    // Of a task that is forgotten nothing would ever be heard.
    await this.#access.view();
    // Its writer waits for its reader: who follows slowly holds a place in the stream, not a queue.
    const { readable, writable } = new TransformStream<ChangeEvent, ChangeEvent>();
    const writer = writable.getWriter();
    const giveUp = () => void writer.abort(signal?.reason).catch(() => {});
    signal?.addEventListener('abort', giveUp);
    await using stack = new AsyncDisposableStack();
    stack.defer(() => signal?.removeEventListener('abort', giveUp));
    stack.use(
      await this.#access.events.subscribe(changeSubject(this.name, this.id), { start: 'all' }, ({ body }) =>
        writer.write(changeEventSchema.parse(body)),
      ),
    );
    for await (const change of readable) {
      yield change;
      if (hasEnded(change.data) && !(await this.#access.isRestarted(entryOf(change)))) return;
    }
  }

  /**
   * Begins the task anew, with outputs that are kept: whatever it is at, also after its end. What its journal holds stays. By this a
   * failed task is tried again, a step is resolved by hand, passed over or run again, and a task moves to another version.
   *
   * @returns Once that is in its journal.
   * @throws {RequestError} A version or step that is not there, an output that is none of its step: each is named.
   */
  restart(options: RestartOptions = {}): Promise<void> {
    return this.#access.restart(options);
  }

  /**
   * Sends the task an event, wherever it is; one that has ended hears nothing. Resolves once the event is durable. `task.cancel` and
   * `task.restart` are events too.
   *
   * @param event `{ type, … }`
   * @param how.id Of the sender's choice: sent again under it, the event is the same. @default a new one
   * @throws {RequestError} It is no event, or not as its type asks for: each field is named.
   */
  send(event: unknown, how: { readonly id?: string } = {}): Promise<void> {
    return this.#access.send(event, how);
  }

  /** Cancels the task, wherever it is; one that has ended stays as it is. @param reason For a person. */
  cancel(reason?: string): Promise<void> {
    return this.#access.send({ type: 'task.cancel', ...(reason !== undefined && { reason }) });
  }
}

function entryOf({ id }: ChangeEvent): number {
  return Number(id.split('/')[1]);
}

function hasEnded({ status }: ChangeEvent['data']): boolean {
  return !['pending', 'running', 'parked', 'paused', 'blocked'].includes(status);
}

import type { TaskReport, TaskRequest } from '../../machines/task/index.ts';
import type { EventBus, Json } from '../backends/index.ts';
import type { Acting, ActionOptions, TaskActions } from './actions.ts';
import { type ChangeEvent, changeEventSchema, changeSubject } from './change-event.ts';
import { PAUSE, RESUME, type RestartEvent } from './task-event.ts';
import type { JournalEntry } from './task-log.ts';
import type { TaskView } from './task-view.ts';

/** How a task ended. */
export type TaskResult = Pick<TaskView, 'id' | 'name' | 'version' | 'status' | 'steps'> &
  Pick<TaskReport, 'output' | 'error'>;

interface Access {
  readonly events: EventBus;
  readonly view: () => Promise<TaskView>;
  /** Whether it was begun anew after an entry. */
  readonly isRestarted: (entry: number) => Promise<boolean>;
  readonly journal: () => Promise<readonly JournalEntry[]>;
  readonly ended: (signal: AbortSignal | undefined) => Promise<TaskView>;
  readonly actions: TaskActions;
}

/** How a task is begun anew. */
export type RestartOptions = Omit<RestartEvent, 'type'> & ActionOptions;

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

  /** All that came to it, in order: its own entries and the service's. @throws {TaskNotFoundError} */
  journal(): Promise<readonly JournalEntry[]> {
    return this.#access.journal();
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
  restart({ eventId, signal, ...event }: RestartOptions = {}): Promise<void> {
    return this.#access.actions.restart(this.id, this.name, event, optionsOf(eventId, signal));
  }

  /**
   * Sends an event for its chart, such as one that a step waits for, or an action: `task.cancel`, `task.pause`, `task.resume`,
   * `task.retry`, `task.resolve`, `task.restart`. Resolves once it is durable.
   *
   * @param event `{ type, data?, … }`
   * @throws {RequestError} It is none, or its data is not what the step takes that waits for it: each field is named.
   * @throws {ActionRefusedError} The task does not take it as it stands: it says what it takes.
   */
  send(event: unknown, options: ActionOptions = {}): Promise<void> {
    return this.#access.actions.send(this.id, this.name, event, options);
  }

  /** Cancels the task, wherever it is; one that has ended stays as it is. @param reason For a person. */
  cancel(reason?: string, acting: Pick<Acting, 'by'> = {}): Promise<void> {
    const why = reason === undefined ? {} : { reason };
    return this.#access.actions.cancel(this.id, this.name, { ...acting, ...why });
  }

  /** No new attempt starts until it is resumed; one that runs goes on, and so do timers. @throws {ActionRefusedError} */
  pause(acting: Acting = {}, options: ActionOptions = {}): Promise<void> {
    return this.send({ type: PAUSE, ...acting }, options);
  }

  /** @throws {ActionRefusedError} It is not paused. */
  resume(acting: Acting = {}, options: ActionOptions = {}): Promise<void> {
    return this.send({ type: RESUME, ...acting }, options);
  }

  /**
   * Tries a task again that failed, was cancelled or is blocked: what has succeeded is kept, the rest has fresh attempts.
   *
   * @param acting.from A step that is run anew, with all that come after it.
   * @throws {ActionRefusedError} It runs; or it is complete, and no step is named.
   */
  retry(acting: Acting & { readonly from?: string } = {}, options: ActionOptions = {}): Promise<void> {
    return this.#access.actions.retry(this.id, this.name, acting, options);
  }

  /** Gives a step of a stuck task its output by hand; the task goes on. @throws {RequestError} @throws {ActionRefusedError} */
  resolve(step: string, output: Json, acting: Acting = {}, options: ActionOptions = {}): Promise<void> {
    return this.#access.actions.resolve(this.id, this.name, { ...acting, step, output }, options);
  }
}

function optionsOf(eventId: string | undefined, signal: AbortSignal | undefined): ActionOptions {
  return { ...(eventId !== undefined && { eventId }), ...(signal && { signal }) };
}

function entryOf({ id }: ChangeEvent): number {
  return Number(id.split('/')[1]);
}

function hasEnded({ status }: ChangeEvent['data']): boolean {
  return !['pending', 'running', 'parked', 'paused', 'blocked'].includes(status);
}

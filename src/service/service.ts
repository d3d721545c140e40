import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import {
  type AnyStateMachine,
  createActor,
  fromPromise,
  type InspectionEvent,
  toPromise,
  waitFor,
} from 'xstate';
import { z } from 'zod';
import { type Clock, now, systemClock } from '../../machines/clock.ts';
import {
  type CreateTask,
  type IntakeFailure,
  type PoolEvent,
  type PoolReport,
  poolOf,
  publisherOf,
  publishThrough,
  type SupervisorOutput,
  type SupervisorRef,
  supervisorMachine,
} from '../../machines/supervisor/index.ts';
import { parseRequest, RequestError, type TaskRequest } from '../../machines/task/index.ts';
import {
  type Backend,
  type Delivery,
  JournalConflictError,
  type Json,
  type OutgoingMessage,
  type PublishAck,
  type Records,
} from '../backends/index.ts';
import { TaskConflictError } from './errors/task-conflict-error.ts';
import { TaskNotFoundError } from './errors/task-not-found-error.ts';
import { LiveTask } from './live-task.ts';
import { TaskHandle } from './task-handle.ts';
import { readPast, type TaskPast } from './task-log.ts';
import { emptyView, type TaskView } from './task-view.ts';

/** A task that the service can run: what `defineTask` builds. */
export interface RunnableTask {
  readonly name: string;
  readonly version: string;
  readonly machine: AnyStateMachine;
  parseContext(context: unknown): unknown;
}

/** What the effects of tasks may work with. */
export interface Surroundings {
  /** Publishes once, through the supervisor, and resolves with the acknowledgement; the step's chart retries. */
  readonly publish: (message: OutgoingMessage) => Promise<PublishAck>;
  readonly records: Records;
  readonly clock: Clock;
}

/** Something went wrong without stopping the service. */
export type ServiceReport =
  | PoolReport
  | IntakeFailure
  | { readonly type: 'change.unpublished'; readonly id: string; readonly error: unknown };

export interface ServiceOptions {
  readonly backend: Backend;
  /** The tasks that it runs, or how they are made with what the service gives their effects. Of several versions of a name the last is the one for new requests. */
  readonly tasks: readonly RunnableTask[] | ((surroundings: Surroundings) => readonly RunnableTask[]);
  /** How many tasks may live at a time. @default 256 */
  readonly limit?: number;
  /** How long running tasks may take to end when it drains, in ms. @default 10_000 */
  readonly drainWithin?: number;
  /** @default the system's */
  readonly clock?: Clock;
  /** Sees every actor's events and snapshots, as XState's own `inspect` does. */
  readonly inspect?: (event: InspectionEvent) => void;
  /** Told of what went wrong without stopping the service. @default a line on standard error */
  readonly onReport?: (report: ServiceReport) => void;
}

const numbersSchema = z.object({
  limit: z.int().min(1).max(100_000).default(256),
  drainWithin: z.int().min(0).max(2_147_483_647).default(10_000),
});

/**
 * Starts a service: it takes requests from the backend's inbox and runs their tasks.
 *
 * @throws {z.ZodError} An option is out of its range.
 * @throws What the backend said when it could not be taken from.
 * @example
 * ```ts
 * const service = await startService({
 *   backend: memoryBackend(),
 *   tasks: ({ publish, records }) => [shopOrderTask({ shop: shopClient({ url }), publish, records })],
 * });
 * const task = await service.submit({ name: 'order', context: { cart_id: 1 }, initiator: 'user', reason: 'Process order' });
 * console.log(await task.result());
 * await service.drain();
 * ```
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const service = new Service(options);
  await service.started();
  return service;
}

export class Service implements AsyncDisposable {
  readonly #backend: Backend;
  readonly #tasks: ReadonlyMap<string, readonly RunnableTask[]>;
  readonly #supervisor: SupervisorRef;
  readonly #clock: Clock;
  readonly #inspect: ServiceOptions['inspect'];
  readonly #report: (report: ServiceReport) => void;
  /** One incarnation of one worker: tells its commits from others'. */
  readonly #writer = randomUUID();

  constructor(options: ServiceOptions) {
    const { backend, tasks, clock = systemClock, inspect } = options;
    const { limit, drainWithin } = numbersSchema.parse(options);
    this.#backend = backend;
    this.#clock = clock;
    this.#inspect = inspect;
    this.#report = options.onReport ?? ((report) => console.error('taskchart:', report));

    const publish = (message: OutgoingMessage) =>
      publishThrough<OutgoingMessage, PublishAck>(this.#supervisor, message);
    const definitions =
      typeof tasks === 'function' ? tasks({ publish, records: backend.records, clock }) : tasks;
    this.#tasks = byName(definitions);

    const machine = supervisorMachine.provide({
      actors: {
        open: fromPromise(async () => {}),
        intake: fromPromise(async ({ input, system, signal }) => {
          const offer = (delivery: Delivery) => system.get('pool').send({ type: 'task.offer', delivery });
          const names = [...this.#tasks.keys()];
          await using _intake = await backend.inbox.take({ names, limit: input.limit }, offer);
          await aborted(signal);
        }),
        pool: poolOf({ createTask: this.#createTask, keepAliveEvery: backend.inbox.ackWait / 3 }),
        publisher: publisherOf((message) => backend.events.publish(message as OutgoingMessage)),
      },
      actions: { report: (_, { report }) => this.#report(report) },
    });
    this.#supervisor = createActor(machine, {
      input: { limit, drainWithin },
      clock,
      ...(inspect && { inspect }),
    });
  }

  /** Resolves once it takes from the inbox. @throws What kept it from it. */
  async started(): Promise<void> {
    const ready = waitFor(
      this.#supervisor,
      (snapshot) => snapshot.hasTag('accepting') || snapshot.status === 'done',
    );
    this.#supervisor.start();
    const { output } = await ready;
    if (output?.error !== undefined) throw output.error;
  }

  /** The supervisor's actor: to look at, and to inspect. */
  get supervisor(): SupervisorRef {
    return this.#supervisor;
  }

  /**
   * Asks for a task. Resolves once the request is durable; the task then runs, here or wherever there is a place.
   * The same request under the same `id` again is the same task.
   *
   * @throws {RequestError} The request or its context is not as it should be: each field is named.
   * @throws {TaskConflictError} Another request stands under this `id`.
   */
  async submit(request: unknown): Promise<TaskHandle> {
    const parsed = this.#parse(request);
    const id = parsed.id ?? randomUUID();
    const asked = { ...parsed, id };
    // The wake-up first: were the journal begun before it, a crash in between would leave a task that nothing wakes.
    await this.#backend.inbox.submit({ taskId: id, name: asked.name, body: asked as Json });
    const past = await this.#begin(id, asked);
    if (!isDeepStrictEqual(jsonOf(past.request), jsonOf(asked))) throw new TaskConflictError(id);
    return this.#handle(id, past);
  }

  /** A task that was asked for before, by whomever. @throws {TaskNotFoundError} */
  async task(id: string): Promise<TaskHandle> {
    return this.#handle(id, await this.#past(id));
  }

  /** Takes no new work, lets what runs come to its end within `drainWithin`, hands back the rest, and stops. */
  async drain(): Promise<SupervisorOutput> {
    this.#supervisor.send({ type: 'supervisor.drain' });
    return toPromise(this.#supervisor);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  #handle(id: string, { request }: TaskPast): TaskHandle {
    const task = this.#taskFor(request.name);
    return new TaskHandle(
      { id, name: request.name, version: task.version },
      {
        backend: this.#backend,
        view: () => this.#view(id),
        send: (event) => this.#send(id, request.name, event),
      },
    );
  }

  async #view(id: string): Promise<TaskView> {
    const live = await this.#askPool<TaskView | undefined>((reply) => ({
      type: 'task.report',
      id,
      reply: reply as (snapshot: unknown) => void,
    }));
    if (live) return live;
    const { request, ended } = await this.#past(id);
    return ended ?? emptyView({ id, name: request.name, version: this.#taskFor(request.name).version });
  }

  /** To its owner, if that is here; else onto the inbox, which wakes whoever has a place. */
  async #send(id: string, name: string, event: { type: string }): Promise<void> {
    const here = await this.#askPool<Promise<boolean>>((reply) => ({ type: 'task.send', id, event, reply }));
    if (await here) return;
    await this.#backend.inbox.deliver({ taskId: id, name, eventId: randomUUID(), body: event });
  }

  /** @returns What the pool answers; nothing if the supervisor has stopped. */
  async #askPool<Answer>(ask: (reply: (answer: Answer) => void) => PoolEvent): Promise<Answer | undefined> {
    if (this.#supervisor.getSnapshot().status !== 'active') return undefined;
    const pool = this.#supervisor.system.get('pool');
    return new Promise((resolve) => pool.send(ask(resolve)));
  }

  async #past(id: string): Promise<TaskPast> {
    const past = await readPast(this.#backend.journal, id);
    if (!past) throw new TaskNotFoundError(id);
    return past;
  }

  /** Writes the request as the first entry of its task's journal, unless one stands there. @returns What stands there. */
  async #begin(id: string, request: TaskRequest): Promise<TaskPast> {
    const entries = [{ type: 'task.requested', request: request as Json }];
    const commit = { id: randomUUID(), writer: this.#writer, entries };
    try {
      return { request, sequence: await this.#backend.journal.append(id, 0, commit) };
    } catch (error) {
      if (!(error instanceof JournalConflictError)) throw error;
      return this.#past(id);
    }
  }

  readonly #createTask: CreateTask = async (id, body) => {
    const past = await readPast(this.#backend.journal, id);
    // Without a past, an event found nobody, and a request came from a client that knows the inbox alone.
    if (past?.ended || (!past && body === undefined)) return undefined;
    try {
      return await this.#runnable(id, past ?? (await this.#begin(id, this.#parse({ ...Object(body), id }))));
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      // No later attempt will read it otherwise.
      this.#report({ type: 'task.refused', id, error });
      return undefined;
    }
  };

  async #runnable(id: string, past: TaskPast): Promise<LiveTask | { until: number }> {
    const { request } = past;
    const until = request.run_at === undefined ? 0 : Date.parse(request.run_at);
    if (until > now(this.#clock)) return { until };
    const task = this.#taskFor(request.name);
    return new LiveTask({
      id,
      task,
      context: task.parseContext(request.context),
      past,
      backend: this.#backend,
      writer: this.#writer,
      clock: this.#clock,
      inspect: this.#inspect,
      onError: (error) => this.#report({ type: 'change.unpublished', id, error }),
    });
  }

  /** @throws {RequestError} It, its context or its name is not as it should be. */
  #parse(request: unknown): TaskRequest {
    const parsed = parseRequest(request);
    this.#taskFor(parsed.name).parseContext(parsed.context);
    return parsed;
  }

  #taskFor(name: string): RunnableTask {
    const task = this.#tasks.get(name)?.at(-1);
    if (task) return task;
    const known = [...this.#tasks.keys()].map((each) => `"${each}"`).join(', ');
    throw new RequestError(name, [
      { path: 'name', message: `no task is named "${name}"; there is ${known}` },
    ]);
  }
}

/** By name, the definitions in the order given. */
function byName(tasks: readonly RunnableTask[]): ReadonlyMap<string, readonly RunnableTask[]> {
  for (const [index, { name, version }] of tasks.entries()) {
    if (tasks.findIndex((other) => other.name === name && other.version === version) < index) {
      throw new TypeError(`Task "${name}" is given twice in version "${version}"; versions must differ.`);
    }
  }
  return Map.groupBy(tasks, ({ name }) => name);
}

/** A value as it is once it has been stored: what is undefined is gone. */
function jsonOf(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

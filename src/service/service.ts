import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import { createActor, fromPromise, type InspectionEvent, toPromise, waitFor } from 'xstate';
import { type Clock, now } from '../../machines/clock.ts';
import {
  type PoolEvent,
  poolOf,
  publisherOf,
  publishThrough,
  type SupervisorOutput,
  type SupervisorRef,
  supervisorMachine,
} from '../../machines/supervisor/index.ts';
import type { Backend, Delivery, Json, OutgoingMessage, PublishAck } from '../backends/index.ts';
import { largeValues } from '../backends/large-values/index.ts';
import { TaskActions } from './actions.ts';
import type { ChangeEvent } from './change-event.ts';
import { ChangeFeed } from './change-feed.ts';
import { TaskConflictError } from './errors/task-conflict-error.ts';
import { TaskNotFoundError } from './errors/task-not-found-error.ts';
import { parseServiceOptions, parseTasks, type ServiceOptions, type ServiceReport } from './options.ts';
import { Owners } from './owners.ts';
import { type Retraced, retraced } from './retraced.ts';
import { TaskFactory } from './task-factory.ts';
import { TaskHandle } from './task-handle.ts';
import { TaskLog } from './task-log.ts';
import type { TaskPast } from './task-past.ts';
import { TaskRegistry } from './task-registry.ts';
import type { TaskView } from './task-view.ts';

/**
 * Starts a service: it takes requests from the backend's inbox and runs their tasks.
 *
 * @throws {InvalidOptionsError} Naming each option that is not as expected.
 * @throws What the backend said when it could not be asked.
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
  readonly #clock: Clock;
  readonly #registry: TaskRegistry;
  readonly #owners: Owners;
  readonly #log: TaskLog;
  readonly #feed: ChangeFeed;
  readonly #factory: TaskFactory;
  readonly #actions: TaskActions;
  readonly #supervisor: SupervisorRef;
  readonly #onReport: (report: ServiceReport) => void;

  constructor(options: ServiceOptions) {
    const {
      backend,
      tasks,
      clock,
      limit,
      drainWithin,
      parkAfter,
      alwaysReplay,
      largeValueBytes,
      onReport,
      onChange,
      ...settings
    } = parseServiceOptions(options);
    this.#backend = backend;
    this.#clock = clock;
    this.#owners = new Owners(backend.actors);
    this.#onReport = onReport;
    const inspect = settings.inspect && this.#guarded(settings.inspect);
    const report = (each: ServiceReport) => this.#report(each);

    const publish = (message: OutgoingMessage) =>
      publishThrough<OutgoingMessage, PublishAck>(this.#supervisor, message);
    const surroundings = { publish, records: backend.records, clock };
    const registry = new TaskRegistry(parseTasks(typeof tasks === 'function' ? tasks(surroundings) : tasks));
    const log = new TaskLog(largeValues(backend, { threshold: largeValueBytes, clock }));
    const feed = new ChangeFeed(backend.events, clock, {
      // As `changeMessage` made it.
      stored: ({ body }) => this.#tell('onChange', () => onChange(body as unknown as ChangeEvent)),
      lost: (id, error) => report({ type: 'change.unpublished', id, error }),
    });
    this.#registry = registry;
    this.#log = log;
    this.#feed = feed;
    this.#factory = new TaskFactory({
      registry,
      log,
      feed,
      owners: this.#owners,
      clock,
      parkAfter,
      alwaysReplay,
      inspect,
      report,
    });

    this.#actions = new TaskActions({
      inbox: backend.inbox,
      registry,
      log,
      owners: this.#owners,
      passHere: async (id, event, eventId) =>
        (await this.#askPool<boolean>((reply) => ({ type: 'task.send', id, event, eventId, reply }))) ??
        false,
      foresee: (id, event) => this.#factory.foresee(id, event),
      past: (id) => this.#past(id),
      retraced: (id, past) => this.#retraced(id, past),
    });

    const machine = supervisorMachine.provide({
      actors: {
        open: fromPromise(async () => {
          // A backend that is closed or out of reach is told of at the start.
          await backend.journal.last('taskchart');
        }),
        intake: fromPromise(async ({ input, system, signal }) => {
          const offer = (delivery: Delivery) => {
            const pool = signal.aborted ? undefined : system.get('pool');
            if (pool) pool.send({ type: 'task.offer', delivery });
            else this.#decline(delivery);
          };
          await using _intake = await backend.inbox.take({ names: registry.names, ...input }, offer);
          await aborted(signal);
        }),
        pool: poolOf({ createTask: this.#factory.create, keepAliveEvery: backend.inbox.ackWait / 3 }),
        publisher: publisherOf((message) => backend.events.publish(message as OutgoingMessage)),
      },
      actions: {
        report: (_, params) => {
          if (params.report.type !== 'pool.drained') report(params.report);
        },
      },
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
   * @throws {UnavailableError} Unknown whether it is kept: repeat it. Without an `id` a repeat may be a second task.
   */
  async submit(request: unknown): Promise<TaskHandle> {
    const parsed = this.#factory.parse(request);
    const id = parsed.request.id ?? randomUUID();
    const asked = { ...parsed.request, id };
    const isKnown = parsed.request.id !== undefined && (await this.#log.has(id));
    // The wake-up first: were the journal begun before it, a crash in between would leave a task that nothing wakes.
    await this.#backend.inbox.submit({ taskId: id, name: asked.name, body: asked as Json });
    const { past, duplicate } = await this.#log.request(id, asked, parsed.task.version);
    if (!isDeepStrictEqual(jsonOf(past.request), jsonOf(asked))) throw new TaskConflictError(id);
    return this.#handle(id, past, isKnown || duplicate);
  }

  /** A task that was asked for before, by whomever. @throws {TaskNotFoundError} */
  async task(id: string): Promise<TaskHandle> {
    return this.#handle(id, await this.#past(id), true);
  }

  /** Takes no new work, lets what runs come to its end within `drainWithin`, hands back the rest, and stops. */
  async drain(): Promise<SupervisorOutput> {
    if (this.#isActive) this.#supervisor.send({ type: 'supervisor.drain' });
    const output = await toPromise(this.#supervisor);
    await this.#feed.finish();
    return output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  get #isActive(): boolean {
    return this.#supervisor.getSnapshot().status === 'active';
  }

  #handle(id: string, { request, version }: TaskPast, duplicate: boolean): TaskHandle {
    const { name } = request;
    return new TaskHandle(
      { id, name, version, request, duplicate },
      {
        events: this.#backend.events,
        view: () => this.#view(id),
        journal: () => this.#log.entries(id),
        isRestarted: async (entry) => (await this.#past(id)).restartedAt > entry,
        ended: (signal) => this.#log.ended(id, signal),
        actions: this.#actions,
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
    return (await this.#retraced(id, await this.#past(id))).view;
  }

  #retraced(id: string, past: TaskPast): Promise<Retraced> {
    return retraced(id, past, this.#registry, now(this.#clock));
  }

  /** @returns What the pool answers; nothing if the supervisor has stopped. */
  async #askPool<Answer>(
    ask: (reply: (answer: Answer | Promise<Answer>) => void) => PoolEvent,
  ): Promise<Answer | undefined> {
    if (!this.#isActive) return undefined;
    const pool = this.#supervisor.system.get('pool');
    return new Promise((resolve) => pool.send(ask(resolve)));
  }

  async #past(id: string): Promise<TaskPast> {
    const past = await this.#log.read(id);
    if (!past) throw new TaskNotFoundError(id);
    return past;
  }

  /** What was handed over when it was no longer asked for. */
  #decline(delivery: Delivery): void {
    const { taskId: id } = delivery.message;
    delivery.handBack().catch((error: unknown) => this.#report({ type: 'delivery.unsettled', id, error }));
  }

  #report(report: ServiceReport): void {
    this.#tell('onReport', () => this.#onReport(report));
  }

  /** Whoever is told must not harm the telling: what they throw becomes a warning of the process. */
  #tell(option: string, tell: () => unknown): void {
    const told = async () => tell();
    told().catch((error: unknown) =>
      process.emitWarning(`The option ${option} threw: ${String(error)}`, 'TaskchartWarning'),
    );
  }

  #guarded(inspect: (event: InspectionEvent) => void): (event: InspectionEvent) => void {
    return (event) => {
      try {
        inspect(event);
      } catch (error) {
        this.#report({ type: 'inspector.threw', error });
      }
    };
  }
}

/** A value as it is once it has been stored: what is undefined is gone. */
function jsonOf(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

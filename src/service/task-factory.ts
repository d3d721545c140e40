import { now } from '../../machines/clock.ts';
import { NotJsonError } from '../../machines/not-json-error.ts';
import type { CreateTask, Deferral, Offer, Suspicion } from '../../machines/supervisor/index.ts';
import {
  type Change,
  changesBetween,
  parseRequest,
  RequestError,
  reportOf,
  type TaskReport,
  type TaskRequest,
} from '../../machines/task/index.ts';
import type { Json } from '../backends/index.ts';
import { chartHash } from '../durable/index.ts';
import { BLOCKED_WAIT, mayGoOn, PROCESS_DIED } from './blocking.ts';
import { changeMessage } from './change-event.ts';
import { endedBy, stopped } from './ends.ts';
import { LiveTask, type LiveTaskOptions } from './live-task.ts';
import type { RunnableTask } from './options.ts';
import { restartOf } from './restarting.ts';
import { retraced } from './retraced.ts';
import { CANCEL, parseEvent, parseRestart, RESTART, type TaskEvent } from './task-event.ts';
import type { TaskPast } from './task-past.ts';
import type { TaskRegistry } from './task-registry.ts';
import { emptyView, reportIn, type TaskView, withChanges } from './task-view.ts';

/** What each task is run with, and which tasks there are. */
type Workings = Pick<
  LiveTaskOptions,
  'log' | 'feed' | 'owners' | 'clock' | 'parkAfter' | 'alwaysReplay' | 'inspect'
> & {
  readonly registry: TaskRegistry;
  readonly report: (
    report: Parameters<LiveTaskOptions['report']>[0] | { type: 'task.refused'; id: string; error: unknown },
  ) => void;
};

/** How many events are remembered for tasks that have not begun; of more, the oldest is forgotten: it comes by the inbox. */
const MOST_FORESEEN = 10_000;
/** A task that was being run when its process died that often is suspected: it is run alone. */
const SUSPECT_AFTER = 2;
/** How long a task is left to the process that runs it, before it is looked again whether one does, in ms. */
const GIVE_WAY = 5_000;
/** A task that its process died of that often, with nothing else in flight, is set aside. */
const MOST_DEATHS_ALONE = 3;

/**
 * Makes the actors of tasks from what the inbox hands over and what their journals tell.
 *
 * - M1. A task whose end is recorded is not run again; one that was never asked for is not run at all.
 * - M2. What cannot be read today cannot be read tomorrow: it is reported and let go of, and a task that was asked for ends with it.
 * - M3. A task that is cancelled before it begins runs no effect.
 * - M4. A task that its process may have died of is run alone; what its process dies of, three times, is set aside.
 * - M5. What is set aside is tried again by a worker with another chart, or when it is restarted.
 * - M6. A task that another process says it runs is left to it.
 */
export class TaskFactory {
  readonly #workings: Workings;
  readonly #foreseen = new Map<string, TaskEvent>();

  constructor(workings: Workings) {
    this.#workings = workings;
  }

  /**
   * An event is on its way to a task that does not live here. Should the task begin here before the event gets a place, it begins
   * with it.
   */
  foresee(id: string, event: TaskEvent): void {
    this.#foreseen.set(id, event);
    const [oldest] = this.#foreseen.keys();
    if (this.#foreseen.size > MOST_FORESEEN && oldest !== undefined) this.#foreseen.delete(oldest);
  }

  /** Parses a request and its context. @throws {RequestError} Each field that is wrong is named. */
  parse(request: unknown): { request: TaskRequest; task: RunnableTask } {
    let parsed: TaskRequest;
    try {
      parsed = parseRequest(request);
    } catch (error) {
      throw error instanceof RequestError ? this.#withContext(error, request) : error;
    }
    const task = this.#workings.registry.find(parsed.name);
    task.parseContext(parsed.context);
    return { request: parsed, task };
  }

  /** What is wrong with a request, and with its context too, as far as both can be read: so that all is told at once. */
  #withContext(error: RequestError, request: unknown): RequestError {
    const { task: name, issues } = error;
    const isRead = (field: string) => !issues.some(({ path }) => path.split(/[.[]/, 1)[0] === field);
    if (name === undefined || !isRead('name')) return error;
    try {
      const { context = {} } = request as { context?: unknown };
      const task = this.#workings.registry.find(name);
      if (isRead('context')) task.parseContext(context);
    } catch (more) {
      if (more instanceof RequestError) return new RequestError(name, [...issues, ...more.issues]);
    }
    return error;
  }

  readonly create: CreateTask = async (id, _request, message, how) => {
    const { log, clock, report } = this.#workings;
    let past = await log.read(id);
    const event = this.#eventFor(id, message);
    // Without a past, an event found nobody, and a request came from a client that knows the inbox alone.
    if (event instanceof RequestError) return { refused: event.message };
    if (!past && message.kind === 'event') return undefined;
    if (past?.mayLive) {
      if (await this.#livesElsewhere(id, message)) {
        return message.kind === 'event' ? undefined : { until: now(clock) + GIVE_WAY };
      }
      // Whoever ran it may have written since.
      await log.readOn(id, past);
    }
    try {
      if (past && event?.type === RESTART) await this.#restart(id, past, message.eventId ?? '', event);
      if (past?.ended) return await this.#close(id, past, past.ended);
      past ??= await this.#accept(message);
      return await this.#make(id, past, event, how);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      report({ type: 'task.refused', id, error });
      return past && !past.ended ? await this.#refuse(id, past, error) : { refused: error.message };
    }
  };

  /** Whether another process runs it, and has what came for it. */
  #livesElsewhere(id: string, { kind, body, eventId = '' }: Offer['message']): Promise<boolean> {
    const { owners } = this.#workings;
    return kind === 'event' ? owners.pass(id, body as Json, eventId) : owners.runs(id);
  }

  #eventFor(id: string, { kind, name, body }: Offer['message']): TaskEvent | RequestError | undefined {
    const foreseen = this.#foreseen.get(id);
    this.#foreseen.delete(id);
    if (kind !== 'event') return foreseen;
    try {
      return parseEvent(name, body);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      this.#workings.report({ type: 'event.refused', id, error });
      return error;
    }
  }

  /** Its message came again: perhaps its end was not heard of, or its journal not closed. */
  async #close(
    id: string,
    past: TaskPast,
    ended: { view: TaskView; at: number },
  ): Promise<Deferral | undefined> {
    const { log, clock } = this.#workings;
    const { view, at } = ended;
    const isDue = past.wakesUntil <= now(clock);
    const told = this.#told(id, past, past.endedAt, at, changesBetween(undefined, reportIn(view)));
    if (!past.isClosed && isDue) {
      await log.writing(id, past.sequence, { type: 'task.ended', view, at }, { closing: true })();
    }
    await told;
    // Whoever was to close it then may have been lost.
    return past.isClosed || isDue ? undefined : { until: past.wakesUntil };
  }

  /** A request that came by the inbox alone: its id and name are its message's. @throws {RequestError} */
  async #accept({ taskId, name, body }: Offer['message']): Promise<TaskPast> {
    const addressed = { id: taskId, name };
    const given = isObject(body) ? { ...addressed, ...body } : body;
    const { request, task } = this.parse(given);
    const issues = Object.entries(addressed).flatMap(([path, expected]) =>
      request[path as keyof typeof addressed] === expected
        ? []
        : [{ path, message: `expected "${expected}", which its message is for` }],
    );
    if (issues.length > 0) throw new RequestError(name, issues);
    const { past } = await this.#workings.log.request(taskId, request, task.version, { from: 'inbox' });
    return past;
  }

  /** Begins it anew, unless this event has done so already. That it cannot is written down, for whoever waits for it. */
  async #restart(id: string, past: TaskPast, eventId: string, event: TaskEvent): Promise<void> {
    if (past.eventIds.has(eventId)) return;
    const { registry, log, clock, report } = this.#workings;
    try {
      const { by, reason } = parseRestart(past.request.name, event);
      await log.write(id, past, {
        type: 'task.restarted',
        at: now(clock),
        id: eventId,
        ...(await restartOf(registry, id, past, event)),
        ...(by !== undefined && { by }),
        ...(reason !== undefined && { reason }),
      });
    } catch (error) {
      if (!(error instanceof RequestError || error instanceof NotJsonError)) throw error;
      report({ type: 'event.refused', id, error });
      const issues =
        error instanceof RequestError ? [...error.issues] : [{ path: 'event', message: error.message }];
      await log.write(id, past, { type: 'task.refused', at: now(clock), id: eventId, issues });
    }
  }

  async #make(
    id: string,
    past: TaskPast,
    event: TaskEvent | undefined,
    { alone, attempt }: Parameters<CreateTask>[3],
  ): Promise<LiveTask | Deferral | Suspicion | undefined> {
    const { registry, ...workings } = this.#workings;
    const { log, clock } = workings;
    const { request, isBegun, restarted, deaths } = past;
    const task = registry.find(request.name, past.version);
    const input = {
      id,
      // Of a task that has begun, what it began with counts: its context is not read again, by another version's schema say.
      context: isBegun ? request.context : task.parseContext(request.context),
      ...(restarted && { results: restarted.results }),
    };
    if (!isBegun && !restarted) {
      const until = request.run_at === undefined ? 0 : Date.parse(request.run_at);
      const ended = event && endedBy(task.machine, input, event);
      if (ended) return this.#record(id, past, reportOf(ended));
      if (until > now(clock)) {
        await this.#told(id, past, 1, now(clock), [{ status: 'parked' }]);
        return { until };
      }
    }
    if (past.blocked && event?.type === CANCEL) return this.#cancelBlocked(id, past, event);
    if (past.blocked && !(await mayGoOn(id, past, task.machine))) {
      return this.#leaveBlocked(id, past, past.blocked);
    }
    if (deaths.alone >= MOST_DEATHS_ALONE) return this.#setAside(id, past, task);
    if (deaths.inCompany >= SUSPECT_AFTER && !alone) return { alone: true };
    const isFirst = !isBegun && attempt === 1 && !past.blocked;
    if (!isFirst) await log.write(id, past, { type: 'task.resumed', alone });
    return new LiveTask({ ...workings, id, task, input, past });
  }

  /** Ends a task that was asked for and that no worker of this kind can read. */
  #refuse(id: string, past: TaskPast, { message }: RequestError): Promise<Deferral | undefined> {
    return this.#record(id, past, {
      status: 'error',
      steps: {},
      error: { code: 'invalid_request', message },
    });
  }

  /** What cannot go on can be ended: its chart is not asked. */
  async #cancelBlocked(id: string, past: TaskPast, { reason }: TaskEvent): Promise<Deferral | undefined> {
    const { registry, clock } = this.#workings;
    const { view } = await retraced(id, past, registry, now(clock));
    const message = typeof reason === 'string' ? `Cancelled: ${reason}` : 'Cancelled';
    const how = { ...reportIn(view), status: 'cancelled' as const, error: { code: 'cancelled', message } };
    return this.#record(id, past, { ...how, steps: stopped(how.steps) }, view);
  }

  /** No chart here can go on with it. */
  async #leaveBlocked(
    id: string,
    past: TaskPast,
    blocked: NonNullable<TaskPast['blocked']>,
  ): Promise<Deferral> {
    await this.#told(id, past, past.blockedAt, blocked.at, [{ status: 'blocked', error: blocked.error }]);
    return { until: now(this.#workings.clock) + BLOCKED_WAIT };
  }

  /** What its process dies of is not run any more. */
  async #setAside(id: string, past: TaskPast, task: RunnableTask): Promise<Deferral> {
    const { log, clock, report } = this.#workings;
    const { deaths } = past;
    const message = `It was being run when its process died, ${deaths.alone} times with nothing else in flight. Its journal and its outputs are kept; restart it once the reason is mended.`;
    const entry = {
      type: 'task.blocked' as const,
      at: now(clock),
      error: { code: PROCESS_DIED, message },
      chart: chartHash(task.machine),
    };
    await log.write(id, past, entry);
    report({ type: 'task.blocked', id, error: new Error(message) });
    return this.#leaveBlocked(id, past, entry);
  }

  /** Writes down the end of a task that does not live, and tells of it. */
  async #record(
    id: string,
    past: TaskPast,
    report: TaskReport,
    before: TaskView = emptyView({ id, name: past.request.name, version: past.version }),
  ): Promise<Deferral | undefined> {
    const { log, clock } = this.#workings;
    const { sequence, wakesUntil } = past;
    const at = now(clock);
    const changes = changesBetween(reportIn(before), report);
    const view = withChanges(before, changes, at);
    // Its request may be parked until then: were its journal to go before that, the task would be a new one.
    const closing = wakesUntil <= at;
    await log.writing(id, sequence, { type: 'task.ended', view, at }, { closing })();
    await this.#told(id, past, past.entries.length + 1, at, changes);
    return closing ? undefined : { until: wakesUntil };
  }

  /**
   * @param entry That it followed from. @param time In ms since the epoch. @param changes Those of the task itself last.
   * @returns Once it is stored, or given up.
   */
  #told(
    id: string,
    { request, version }: TaskPast,
    entry: number,
    time: number,
    changes: Change[],
  ): Promise<void> {
    const own = changes.at(-1);
    if (!own || 'step' in own) return Promise.resolve();
    const data = { name: request.name, version, status: own.status, changes };
    return this.#workings.feed.publish(id, changeMessage({ id, entry, n: 0, time }, data));
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

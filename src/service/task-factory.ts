import { type AnyStateMachine, getInitialMicrosteps, type InspectionEvent, transition } from 'xstate';
import { type Clock, now } from '../../machines/clock.ts';
import type { CreateTask, Offer } from '../../machines/supervisor/index.ts';
import {
  changesBetween,
  parseRequest,
  RequestError,
  reportOf,
  type TaskReport,
  type TaskRequest,
  type TaskSnapshot,
} from '../../machines/task/index.ts';
import type { Problem } from '../durable/index.ts';
import { changeMessage } from './change-event.ts';
import type { ChangeFeed } from './change-feed.ts';
import { LiveTask, type LiveTaskOptions } from './live-task.ts';
import type { RunnableTask } from './options.ts';
import { parseEvent, type TaskEvent } from './task-event.ts';
import type { TaskLog, TaskPast } from './task-log.ts';
import type { TaskRegistry } from './task-registry.ts';
import { emptyView, reportIn, type TaskView, withChanges } from './task-view.ts';

interface Workings {
  readonly registry: TaskRegistry;
  readonly log: TaskLog;
  readonly feed: ChangeFeed;
  readonly clock: Clock;
  readonly inspect: ((event: InspectionEvent) => void) | undefined;
  readonly report: (
    report:
      | { type: 'task.refused' | 'task.crashed' | 'event.refused'; id: string; error: unknown }
      | { type: 'task.problem'; id: string; problem: Problem },
  ) => void;
}

/** How many events are remembered for tasks that have not begun; of more, the oldest is forgotten: it comes by the inbox. */
const MOST_FORESEEN = 10_000;

/**
 * Makes the actors of tasks from what the inbox hands over and what their journals tell.
 *
 * - M1. A task whose end is recorded is not run again; one that was never asked for is not run at all.
 * - M2. What cannot be read today cannot be read tomorrow: it is reported and let go of, and a task that was asked for ends with it.
 * - M3. A task that is cancelled before it begins runs no effect.
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

  readonly create: CreateTask = async (id, _request, message) => {
    const { log, report } = this.#workings;
    const past = await log.read(id);
    const event = this.#eventFor(id, message);
    // Without a past, an event found nobody, and a request came from a client that knows the inbox alone.
    if (event === 'refused' || (!past && message.kind === 'event')) return undefined;
    if (past?.ended) {
      // Its message came again: perhaps its end was not heard of, or its journal not closed.
      const told = this.#tell(id, past, past.ended);
      if (message.kind === 'request' && !past.isClosed) {
        await log.ending(id, past.sequence, past.ended, { closing: true })();
      }
      await told;
      return undefined;
    }
    let asked = past;
    try {
      asked ??= await this.#accept(message);
      return await this.#make(id, asked, event);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      report({ type: 'task.refused', id, error });
      if (asked) await this.#refuse(id, asked, error);
      return undefined;
    }
  };

  #eventFor(id: string, { kind, name, body }: Offer['message']): TaskEvent | 'refused' | undefined {
    const foreseen = this.#foreseen.get(id);
    this.#foreseen.delete(id);
    if (kind !== 'event') return foreseen;
    try {
      return parseEvent(name, body);
    } catch (error) {
      this.#workings.report({ type: 'event.refused', id, error });
      return 'refused';
    }
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
    return this.#workings.log.request(taskId, request, task.version, { from: 'inbox' });
  }

  async #make(
    id: string,
    past: TaskPast,
    event: TaskEvent | undefined,
  ): Promise<LiveTask | { until: number } | undefined> {
    const { registry, ...workings } = this.#workings;
    const { log, clock } = workings;
    const { request, version } = past;
    const task = registry.find(request.name, version);
    const input = { id, context: task.parseContext(request.context) };
    const isBegun = past.entries.length > 1;
    const until = request.run_at === undefined ? 0 : Date.parse(request.run_at);
    const ended = event && !isBegun ? endedBy(task.machine, input, event) : undefined;
    // Its request may be parked until then: were its journal to go before that, the task would be a new one.
    if (ended) return this.#record(id, past, reportOf(ended), { closing: until <= now(clock) });
    if (until > now(clock)) return { until };
    return new LiveTask({ ...workings, id, task, input, past: isBegun ? await log.resume(id, past) : past });
  }

  /** Ends a task that was asked for and that no worker of this kind can read. */
  #refuse(id: string, past: TaskPast, { message }: RequestError): Promise<undefined> {
    const error = { code: 'invalid_request', message };
    return this.#record(id, past, { status: 'error', steps: {}, error }, { closing: true });
  }

  /** Writes down the end of a task that does not live, and tells of it. */
  async #record(
    id: string,
    past: TaskPast,
    report: TaskReport,
    how: { closing: boolean },
  ): Promise<undefined> {
    const { log, clock } = this.#workings;
    const { version, sequence } = past;
    const at = now(clock);
    const changes = changesBetween(undefined, report);
    const view = withChanges(emptyView({ id, name: past.request.name, version }), changes, at);
    await log.ending(id, sequence, { view, at }, how)();
    await this.#tell(id, { ...past, entries: [...past.entries, null] }, { view, at });
    return undefined;
  }

  /** Tells how a task ended, and how its steps stood, by what its journal says. */
  #tell(
    id: string,
    { request, version, entries }: TaskPast,
    { view, at }: { view: TaskView; at: number },
  ): Promise<void> {
    const changes = changesBetween(undefined, reportIn(view));
    const place = { id, entry: entries.length, n: 0, time: at };
    const { status } = view;
    return this.#workings.feed.publish(
      id,
      changeMessage(place, { name: request.name, version, status, changes }),
    );
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** How a task stands that an event ends before it begins; nothing if it does not. */
function endedBy(
  machine: AnyStateMachine,
  input: LiveTaskOptions['input'],
  event: TaskEvent,
): TaskSnapshot | undefined {
  try {
    // Before its steps leave `pending`: what has not begun has made no attempt.
    const [first] = getInitialMicrosteps(machine, input);
    const [next] = first ? transition(machine, first[0], event) : [];
    return next?.status === 'done' ? (next as unknown as TaskSnapshot) : undefined;
  } catch {
    // The actor will throw the same, where it is reported.
    return undefined;
  }
}

import { randomUUID } from 'node:crypto';
import { RequestError } from '../../machines/task/index.ts';
import type { Inbox, Json } from '../backends/index.ts';
import { assertAccepted, hasEnded } from './acceptance.ts';
import { ActionRefusedError } from './errors/action-refused-error.ts';
import type { Owners } from './owners.ts';
import { restartOf } from './restarting.ts';
import type { Retraced } from './retraced.ts';
import {
  CANCEL,
  parseEvent,
  parseRestart,
  RESOLVE,
  RESTART,
  RETRY,
  type ResolveEvent,
  type RestartEvent,
  type RetryEvent,
  type TaskEvent,
} from './task-event.ts';
import type { TaskLog } from './task-log.ts';
import type { TaskPast } from './task-past.ts';
import type { TaskRegistry } from './task-registry.ts';

interface Workings {
  readonly inbox: Inbox;
  readonly registry: TaskRegistry;
  readonly log: TaskLog;
  readonly owners: Owners;
  /** Hands an event to the task if it lives in this process. @returns Whether it has it. */
  readonly passHere: (id: string, event: TaskEvent, eventId: string) => Promise<boolean>;
  /** An event is on its way to a task that does not live here. */
  readonly foresee: (id: string, event: TaskEvent) => void;
  /** @throws {TaskNotFoundError} */
  readonly past: (id: string) => Promise<TaskPast>;
  readonly retraced: (id: string, past: TaskPast) => Promise<Retraced>;
}

/** Which of an action's askings this is, and how long to wait for it. */
export interface ActionOptions {
  /** Of the sender's choice: sent again under the same id, it is taken once. @default one is made */
  readonly eventId?: string;
  /** Gives up waiting. */
  readonly signal?: AbortSignal;
}

/** Who acts, and why: kept in the task's journal. */
export interface Acting {
  readonly by?: string | undefined;
  readonly reason?: string | undefined;
}

/**
 * What is done to tasks from outside.
 *
 * - Each action is an event in the task's journal, with who and why, before anything comes of it.
 * - An action from which nothing would come is refused, with the reason; one that was taken already, under its id, is not.
 * - It goes to whoever runs the task; if nobody does, onto the inbox, which wakes it.
 */
export class TaskActions {
  readonly #workings: Workings;

  constructor(workings: Workings) {
    this.#workings = workings;
  }

  /** Ends a task wherever it is; one that has ended stays as it is. */
  async cancel(id: string, name: string, acting: Acting): Promise<void> {
    const event = parseEvent(name, { type: CANCEL, ...acting });
    await this.#pass(id, name, event, randomUUID(), async () => !(await this.#workings.past(id)).ended);
  }

  /**
   * Sends an event.
   *
   * @throws {RequestError} It is none, or its data is not what the step takes that waits for it.
   * @throws {ActionRefusedError} The task does not take it as it stands.
   */
  async send(id: string, name: string, given: unknown, options: ActionOptions = {}): Promise<void> {
    const { registry, past: read, retraced } = this.#workings;
    const event = parseEvent(name, given);
    if (event.type === RESTART) return this.restart(id, name, event as RestartEvent, options);
    if (event.type === RETRY) return this.retry(id, name, event as RetryEvent, options);
    if (event.type === RESOLVE) return this.resolve(id, name, event as ResolveEvent, options);
    const { eventId = randomUUID() } = options;
    const past = await read(id);
    if (past.hasEvent(eventId)) return;
    await assertAccepted(id, registry.find(name, past.version), await retraced(id, past), event);
    await this.#pass(id, name, event, eventId, async () => true);
  }

  /** Begins a task anew. Resolves once that is in its journal. @throws {RequestError} It cannot be begun so. */
  async restart(
    id: string,
    name: string,
    given: Omit<RestartEvent, 'type'>,
    { eventId = randomUUID(), signal }: ActionOptions = {},
  ): Promise<void> {
    const { inbox, registry, log, past: read } = this.#workings;
    const event = parseRestart(name, { ...present(given), type: RESTART });
    const past = await read(id);
    const issues = past.refusals.get(eventId);
    if (issues) throw new RequestError(name, issues);
    if (past.hasEvent(eventId)) return;
    await restartOf(registry, id, past, event);
    // By the inbox, so that it is durable before anybody acts on it; then whoever runs the task makes place for it. That nobody
    // heard it says nothing: the inbox hands it to whoever has a place.
    await inbox.deliver({ taskId: id, name, eventId, body: event as Json });
    await this.#hand(id, event, eventId).catch(() => false);
    await log.restarted(id, name, eventId, signal);
  }

  /**
   * Tries a task again that failed, was cancelled or is blocked: with what has succeeded, and fresh attempts for the rest.
   *
   * @param options.from A step that is run anew, with all that come after it, whatever they came to.
   * @throws {ActionRefusedError} It runs, or has succeeded and no step is named.
   */
  async retry(
    id: string,
    name: string,
    { from, by, reason }: Acting & { readonly from?: string | undefined },
    options?: ActionOptions,
  ): Promise<void> {
    await this.#assertStuck(id, 'retry', options, (status) => status !== 'complete' || from !== undefined);
    await this.restart(id, name, { by, reason, from }, options);
  }

  /** Gives a step its output by hand, and goes on. @throws {RequestError} @throws {ActionRefusedError} It has one, or the task runs. */
  async resolve(
    id: string,
    name: string,
    { step, output, by, reason }: Acting & { readonly step: string; readonly output: Json },
    options?: ActionOptions,
  ): Promise<void> {
    const { view } = await this.#assertStuck(id, 'resolve', options, (status) => status !== 'complete');
    if (view?.steps[step]?.status === 'complete') {
      throw new ActionRefusedError(id, 'task.resolve', `its step "${step}" has an output already`);
    }
    await this.restart(id, name, { by, reason, results: { [step]: output } }, options);
  }

  /** @returns How it stands; nothing if the action was taken before. */
  async #assertStuck(
    id: string,
    action: string,
    { eventId }: ActionOptions = {},
    isStuck: (status: string) => boolean,
  ): Promise<Partial<Retraced>> {
    const { past: read, retraced } = this.#workings;
    const past = await read(id);
    if (eventId !== undefined && past.hasEvent(eventId)) return {};
    const how = await retraced(id, past);
    const { status } = how.view;
    if ((hasEnded(how) || status === 'blocked') && isStuck(status)) return how;
    throw new ActionRefusedError(id, `task.${action}`, `it is ${status}, not failed, cancelled or blocked`);
  }

  /** To whoever runs the task, here or elsewhere. @returns Whether it has the event. @throws {AnswerError} */
  async #hand(id: string, event: TaskEvent, eventId: string): Promise<boolean> {
    const { owners, passHere } = this.#workings;
    return (await passHere(id, event, eventId)) || owners.pass(id, event as Json, eventId);
  }

  /** To its owner, if there is one; else onto the inbox, which wakes whoever has a place. */
  async #pass(
    id: string,
    name: string,
    event: TaskEvent,
    eventId: string,
    isWanted: () => Promise<boolean>,
  ): Promise<void> {
    const { inbox, foresee } = this.#workings;
    if (await this.#hand(id, event, eventId)) return;
    if (!(await isWanted())) return;
    foresee(id, event);
    await inbox.deliver({ taskId: id, name, eventId, body: event as Json });
  }
}

/** What is undefined is not there: JSON has no undefined. */
function present(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

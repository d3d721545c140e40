import type { AnyStateMachine, InspectionEvent } from 'xstate';
import type { Clock } from '../../machines/clock.ts';
import { now } from '../../machines/clock.ts';
import { NotJsonError } from '../../machines/not-json-error.ts';
import type { TaskStatus } from '../../machines/status.ts';
import { OwnershipLostError, type TaskActor } from '../../machines/supervisor/index.ts';
import {
  type Change,
  changesBetween,
  reportOf,
  type TaskReport,
  type TaskSnapshot,
} from '../../machines/task/index.ts';
import { JournalConflictError, RefusedError, UnavailableError } from '../backends/index.ts';
import { type DurableActor, durable, type Folded, type Outcome, type Problem } from '../durable/index.ts';
import { changeMessage } from './change-event.ts';
import type { ChangeFeed } from './change-feed.ts';
import { pause } from './pause.ts';
import { parseEvent } from './task-event.ts';
import type { TaskLog, TaskPast } from './task-log.ts';
import { emptyView, type TaskView, withChanges } from './task-view.ts';

/** What a live task is made of, and works with. */
export interface LiveTaskOptions {
  readonly id: string;
  readonly task: { readonly name: string; readonly version: string; readonly machine: AnyStateMachine };
  readonly input: { readonly id: string; readonly context: unknown };
  readonly past: TaskPast;
  readonly log: TaskLog;
  readonly feed: ChangeFeed;
  readonly clock: Clock;
  readonly inspect: ((event: InspectionEvent) => void) | undefined;
  /** Told of what was wrong without ending the task's being run. */
  readonly report: (
    report:
      | { type: 'task.crashed' | 'event.refused'; id: string; error: unknown }
      | { type: 'task.problem'; id: string; problem: Problem },
  ) => void;
}

/** What is to be told of a task. */
interface Told {
  /** The entry that it followed from. */
  readonly entry: number;
  /** In ms since the epoch. */
  readonly time: number;
  readonly status: TaskStatus;
  readonly changes: Change[];
}

/** How long the journal is left alone after it did not answer, in ms. */
const END_RETRY = 1_000;

/**
 * A task that runs in this process: its machine made durable on its journal, and what is told of it.
 *
 * - L1. Every change of its chart is published, in order, beside its way: no step waits for that. Taken up again, it tells its past once more,
 *   under the same ids, since the last of it may not have been heard.
 * - L2. It is complete for its observer only once its end is in its journal and was told (or the bus given up): a process that dies
 *   between the two must be woken once more to tell it. What is published last is what stands there.
 */
export class LiveTask implements TaskActor {
  readonly #options: LiveTaskOptions;
  readonly #actor: DurableActor;
  readonly #stopping = new AbortController();
  #report: TaskReport | undefined;
  #view: TaskView;
  #entry = 0;
  /** What its machine shows is no task's. */
  #broken: { readonly error: unknown } | undefined;

  constructor(options: LiveTaskOptions) {
    const { id, task, input, past, log, clock, inspect, report } = options;
    this.#options = options;
    this.#view = emptyView({ id, name: task.name, version: task.version });
    this.#actor = durable(task.machine, {
      id,
      input,
      entries: past.entries,
      sequence: past.sequence,
      append: log.append(id),
      clock,
      onEntry: (folded) => this.#hear(folded),
      onProblem: (problem) => {
        // What an effect threw, or gave that cannot be kept, is in its step's failure.
        if (problem.kind !== 'thrown' && problem.kind !== 'refused')
          report({ type: 'task.problem', id, problem });
      },
      ...(inspect && { inspect }),
    });
  }

  subscribe(observer: Parameters<TaskActor['subscribe']>[0]): { unsubscribe(): void } {
    let heard = true;
    const settle = async () => this.#settle(await this.#actor.settled);
    settle().then(
      (isOver) => heard && isOver && observer.complete(),
      (error) => heard && observer.error(error),
    );
    // The outcome says it; without an observer of its errors the actor would count them as unheard.
    const errors = this.#actor.subscribe({ error: () => {} });
    return {
      unsubscribe: () => {
        heard = false;
        errors.unsubscribe();
      },
    };
  }

  start(): void {
    this.#actor.start();
  }

  /** An event that is none is reported and dropped: sent again it would be none again. */
  async send(event: unknown): Promise<void> {
    const { id, task, report } = this.#options;
    try {
      await this.#actor.deliver(parseEvent(task.name, event));
    } catch (error) {
      report({ type: 'event.refused', id, error });
    }
  }

  stop(): void {
    this.#stopping.abort();
    this.#actor.stop();
  }

  /** How it stands. */
  getSnapshot(): TaskView {
    return this.#view;
  }

  /** An entry was taken. What its end is, is told once that is recorded. */
  #hear({ number, entry, snapshot }: Folded): void {
    this.#entry = number;
    if (snapshot.status !== 'active') return;
    try {
      void this.#publish(this.#advance(reportOf(snapshot as TaskSnapshot), entry.at));
    } catch (error) {
      // What its machine shows is no task's.
      this.#broken = { error };
      this.#actor.stop();
    }
  }

  /** @returns Whether the task is over, and that is in its journal. */
  async #settle(outcome: Outcome): Promise<boolean> {
    switch (outcome.status) {
      case 'ended':
        await this.#end(this.#howItEnded());
        return true;
      case 'stopped':
        if (!this.#broken) return false;
        await this.#end(this.#crash(this.#broken.error));
        return true;
      case 'lost':
        throw new OwnershipLostError(this.#options.id, { cause: outcome.error });
      case 'blocked':
        void this.#publish(this.#advance(blocked(this.#report, outcome.error), now(this.#options.clock)));
        throw outcome.error;
      case 'failed':
        throw outcome.error;
      default:
        return outcome satisfies never;
    }
  }

  #howItEnded(): TaskReport {
    const snapshot = this.#actor.getSnapshot() as TaskSnapshot;
    try {
      return snapshot.status === 'done' ? reportOf(snapshot) : this.#crash(snapshot.error);
    } catch (error) {
      return this.#crash(error);
    }
  }

  #crash(error: unknown): TaskReport {
    const { id, report } = this.#options;
    report({ type: 'task.crashed', id, error });
    return crashed(this.#report, error);
  }

  /** Takes in how the chart stands. @returns What changed, to be told. */
  #advance(report: TaskReport, time: number): Told {
    const changes = changesBetween(this.#report, report);
    this.#report = report;
    this.#view = withChanges(this.#view, changes, time);
    return { entry: this.#entry, time, status: report.status, changes };
  }

  async #publish({ entry, time, status, changes }: Told): Promise<void> {
    if (changes.length === 0) return;
    const { id, task, feed } = this.#options;
    const { name, version } = task;
    await feed.publish(id, changeMessage({ id, entry, n: 0, time }, { name, version, status, changes }));
  }

  /** Records how it ended, then tells of it. */
  async #end(how: TaskReport): Promise<void> {
    const time = now(this.#options.clock);
    const before = { report: this.#report, view: this.#view };
    let told = this.#advance(how, time);
    try {
      await this.#record(time);
    } catch (error) {
      if (!(error instanceof RefusedError || error instanceof NotJsonError)) throw error;
      // What cannot be written down as it is, a huge output say, still must not leave the task without an end.
      this.#report = before.report;
      this.#view = before.view;
      told = this.#advance(unrecordable(how, error), time);
      await this.#record(time);
    }
    await this.#publish(told);
  }

  /** Repeats the same commit as long as it is unknown whether it was stored. */
  async #record(at: number): Promise<void> {
    const { id, log, clock } = this.#options;
    const { signal } = this.#stopping;
    const write = log.ending(id, this.#actor.sequence, { view: this.#view, at }, { closing: true });
    for (;;) {
      try {
        return await write();
      } catch (error) {
        if (error instanceof JournalConflictError) throw new OwnershipLostError(id, { cause: error });
        if (!(error instanceof UnavailableError)) throw error;
      }
      await pause(clock, END_RETRY, signal);
      signal.throwIfAborted();
    }
  }
}

/** A task whose definition is not the one that it began with: nothing of it runs. */
function blocked(before: TaskReport | undefined, error: Error): TaskReport {
  return {
    status: 'blocked',
    steps: before?.steps ?? {},
    error: { code: 'blocked', message: error.message },
  };
}

/** The end of a task whose chart threw; how its steps stood is how they were last seen. */
function crashed(before: TaskReport | undefined, error: unknown): TaskReport {
  const message = `The task's chart threw: ${messageOf(error)}`;
  return { status: 'error', steps: stopped(before?.steps ?? {}), error: { code: 'crashed', message } };
}

function unrecordable({ steps }: TaskReport, error: unknown): TaskReport {
  const bare = Object.entries(steps).map(([step, { error: _, ...report }]) => [step, report] as const);
  const message = `How the task ended cannot be recorded: ${messageOf(error)}`;
  return { status: 'error', steps: Object.fromEntries(bare), error: { code: 'unrecordable', message } };
}

/** Steps whose task has ended under them. */
function stopped(steps: TaskReport['steps']): TaskReport['steps'] {
  const ended = Object.entries(steps).map(([step, report]) => {
    const runs = report.status === 'running' || report.status === 'waiting_for_retry';
    return [step, runs ? { ...report, status: 'cancelled' as const } : report] as const;
  });
  return Object.fromEntries(ended);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

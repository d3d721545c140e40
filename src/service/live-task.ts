import { type Actor, type AnyStateMachine, createActor, type InspectionEvent, type Snapshot } from 'xstate';
import { type Clock, now } from '../../machines/clock.ts';
import type { TaskStatus } from '../../machines/status.ts';
import { OwnershipLostError, type TaskActor } from '../../machines/supervisor/index.ts';
import {
  type Change,
  changesBetween,
  reportOf,
  type TaskReport,
  type TaskSnapshot,
} from '../../machines/task/index.ts';
import { JournalConflictError, UnavailableError } from '../backends/index.ts';
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
  /** Where it stands, if not at its start. */
  readonly snapshot: Snapshot<unknown> | undefined;
  readonly past: TaskPast;
  /** Whether its end closes its journal, which is kept for a time from then on. */
  readonly closing: boolean;
  readonly log: TaskLog;
  readonly feed: ChangeFeed;
  readonly clock: Clock;
  readonly inspect: ((event: InspectionEvent) => void) | undefined;
  /** Told of what was wrong without ending the task's being run. */
  readonly report: (report: { type: 'task.crashed' | 'event.refused'; id: string; error: unknown }) => void;
}

/** What is to be told of a task. */
interface Told {
  /** In ms since the epoch. */
  readonly time: number;
  readonly status: TaskStatus;
  readonly changes: Change[];
}

/** How long the journal is left alone after it did not answer, in ms. */
const END_RETRY = 1_000;

/**
 * A task that runs in this process.
 *
 * - L1. Every change of its chart is published, in order, beside its way: no step waits for that.
 * - L2. It is complete for its observer only once its end is in its journal, and what is published last is what stands there.
 */
export class LiveTask implements TaskActor {
  readonly #options: LiveTaskOptions;
  readonly #actor: Actor<AnyStateMachine>;
  readonly #stopping = new AbortController();
  #report: TaskReport | undefined;
  #view: TaskView;
  /** How many messages told of it. */
  #told = 0;
  #ending: Promise<void> | undefined;

  constructor(options: LiveTaskOptions) {
    const { id, task, input, snapshot, clock, inspect } = options;
    this.#options = options;
    this.#view = emptyView({ id, name: task.name, version: task.version });
    this.#actor = createActor(task.machine, {
      input,
      clock,
      ...(snapshot && { snapshot }),
      ...(inspect && { inspect }),
    });
  }

  subscribe(observer: Parameters<TaskActor['subscribe']>[0]): { unsubscribe(): void } {
    const end = (how: TaskReport) => {
      this.#ending ??= this.#end(how).then(
        () => observer.complete(),
        (error) => observer.error(error),
      );
    };
    const crash = (error: unknown) => {
      const { id, report } = this.#options;
      report({ type: 'task.crashed', id, error });
      end(crashed(this.#report, error));
    };
    const look = (then: (how: TaskReport) => void) => {
      if (this.#ending || this.#stopping.signal.aborted) return;
      try {
        then(reportOf(this.#actor.getSnapshot() as TaskSnapshot));
      } catch (error) {
        // What its machine shows is no task's.
        crash(error);
        this.stop();
      }
    };
    return this.#actor.subscribe({
      next: ({ status }) => {
        if (status === 'active') look((how) => this.#publish(this.#advance(how)));
      },
      complete: () => look(end),
      error: crash,
    });
  }

  start(): void {
    this.#actor.start();
  }

  /** An event that is none is reported and dropped: sent again it would be none again. */
  send(event: unknown): void {
    const { id, task, report } = this.#options;
    if (this.#actor.getSnapshot().status !== 'active') return;
    try {
      this.#actor.send(parseEvent(task.name, event));
    } catch (error) {
      report({ type: 'event.refused', id, error });
    }
  }

  stop(): void {
    this.#stopping.abort();
    // Nobody observes it any more, and XState throws into the void what nobody hears.
    this.#actor.subscribe({ error: () => {} });
    this.#actor.stop();
  }

  /** How it stands. */
  getSnapshot(): TaskView {
    return this.#view;
  }

  /** Takes in how the chart stands. @returns What changed, to be told. */
  #advance(report: TaskReport): Told {
    const time = now(this.#options.clock);
    const changes = changesBetween(this.#report, report);
    this.#report = report;
    this.#view = withChanges(this.#view, changes, time);
    return { time, status: report.status, changes };
  }

  #publish({ time, status, changes }: Told): void {
    if (changes.length === 0) return;
    const { id, task, past, feed } = this.#options;
    const { name, version } = task;
    const place = { id, entry: past.entries, n: this.#told, time };
    this.#told += 1;
    feed.publish(id, changeMessage(place, { name, version, status, changes }));
  }

  /** Records how it ended, then tells of it. */
  async #end(how: TaskReport): Promise<void> {
    const before = { report: this.#report, view: this.#view };
    let told = this.#advance(how);
    try {
      await this.#record();
    } catch (error) {
      if (error instanceof OwnershipLostError || error instanceof UnavailableError) throw error;
      // What cannot be written down as it is, a huge output say, still must not leave the task without an end.
      this.#report = before.report;
      this.#view = before.view;
      told = this.#advance(unrecordable(how, error));
      await this.#record();
    }
    this.#publish(told);
  }

  /** Repeats the same commit as long as it is unknown whether it was stored. */
  async #record(): Promise<void> {
    const { id, log, past, closing, clock } = this.#options;
    const { signal } = this.#stopping;
    const write = log.ending(id, past, this.#view, { closing });
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

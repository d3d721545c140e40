import type { TaskStatus } from '../../machines/status.ts';
import {
  type Change,
  changesBetween,
  reportOf,
  type TaskReport,
  type TaskSnapshot,
} from '../../machines/task/index.ts';
import type { Folded } from '../durable/index.ts';
import { PAUSE, RESUME } from './task-event.ts';
import { emptyView, type TaskView, withChanges } from './task-view.ts';

/** What is to be told of a task. */
export interface Told {
  /** The entry that it followed from. */
  readonly entry: number;
  /** In ms since the epoch. */
  readonly time: number;
  readonly status: TaskStatus;
  readonly changes: readonly Change[];
}

/** What a task's entries make of it, told change by change: the same story live and retraced. */
export class TaskStory {
  report: TaskReport | undefined;
  view: TaskView;
  /** No new effect starts. */
  isPaused = false;
  readonly #resolved: readonly string[];
  #entry = 0;

  /** @param resolved The steps whose outputs were given by hand. */
  constructor(task: Pick<TaskView, 'id' | 'name' | 'version'>, resolved: readonly string[]) {
    this.view = emptyView(task);
    this.#resolved = resolved;
  }

  /**
   * An entry was taken. What its end is, is told by how it is recorded, not here.
   *
   * @throws What its machine shows is no task's.
   */
  hear({ number, entry, snapshot }: Folded): Told | undefined {
    this.#entry = number;
    if (entry.type === 'event' && entry.to === '') {
      const { type } = entry.event as { type?: unknown };
      if (type === PAUSE) this.isPaused = true;
      if (type === RESUME) this.isPaused = false;
    }
    if (snapshot.status !== 'active') return undefined;
    const report = reportOf(snapshot as TaskSnapshot);
    const parks = entry.type === 'rested' && entry.waits !== undefined;
    const status = this.isPaused ? 'paused' : parks ? 'parked' : report.status;
    return this.advance({ ...report, status }, entry.at);
  }

  /** How the task stands now. @param time ms since the epoch. */
  advance(how: TaskReport, time: number): Told {
    const report = this.#withResolved(how);
    const changes = changesBetween(this.report, report);
    this.report = report;
    this.view = withChanges(this.view, changes, time);
    return { entry: this.#entry, time, status: report.status, changes };
  }

  #withResolved(report: TaskReport): TaskReport {
    const steps = { ...report.steps };
    for (const step of this.#resolved) {
      const own = steps[step];
      if (own?.status === 'complete') steps[step] = { ...own, status: 'resolved_manually' };
    }
    return this.#resolved.length > 0 ? { ...report, steps } : report;
  }
}

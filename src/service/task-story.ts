import type { TaskStatus } from '../../machines/status.ts';
import {
  type Change,
  changesBetween,
  reportOf,
  type TaskReport,
  type TaskSnapshot,
} from '../../machines/task/index.ts';
import type { Folded } from '../durable/index.ts';
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
  #entry = 0;

  constructor(task: Pick<TaskView, 'id' | 'name' | 'version'>) {
    this.view = emptyView(task);
  }

  /**
   * An entry was taken. What its end is, is told by how it is recorded, not here.
   *
   * @throws What its machine shows is no task's.
   */
  hear({ number, entry, snapshot }: Folded): Told | undefined {
    this.#entry = number;
    if (snapshot.status !== 'active') return undefined;
    const report = reportOf(snapshot as TaskSnapshot);
    const parks = entry.type === 'rested' && entry.waits !== undefined;
    return this.advance(parks ? { ...report, status: 'parked' } : report, entry.at);
  }

  /** How the task stands now. @param time ms since the epoch. */
  advance(report: TaskReport, time: number): Told {
    const changes = changesBetween(this.report, report);
    this.report = report;
    this.view = withChanges(this.view, changes, time);
    return { entry: this.#entry, time, status: report.status, changes };
  }
}

import type { Change, StepChange, StepReport, TaskChange, TaskReport } from '../../machines/task/index.ts';

/** A step as it is shown. Times are ISO 8601. */
export interface StepView extends StepReport {
  /** When its first attempt began. */
  readonly started_at?: string;
  /** When it came to its end. */
  readonly ended_at?: string;
  /** While it waits: when the next attempt begins. */
  readonly retry_at?: string;
}

/** A task as it is shown: the fold of its change events. */
export interface TaskView extends Omit<TaskReport, 'steps'> {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly steps: Readonly<Record<string, StepView>>;
}

/** A task before anything is known of it. */
export function emptyView({ id, name, version }: Pick<TaskView, 'id' | 'name' | 'version'>): TaskView {
  return { id, name, version, status: 'pending', steps: {} };
}

/** The view after some changes. @param time When they happened, in ms since the epoch. */
export function withChanges(view: TaskView, changes: readonly Change[], time: number): TaskView {
  const steps: Record<string, StepView> = Object.assign({}, view.steps);
  let own: TaskChange | undefined;
  for (const change of changes) {
    if ('step' in change) steps[change.step] = stepView(steps[change.step], change, time);
    else own = change;
  }
  // A change of the task says all of it: begun anew, it has no error any more.
  const { id, name, version } = view;
  return own ? { id, name, version, ...own, steps } : { ...view, steps };
}

function stepView(before: StepView | undefined, change: StepChange, time: number): StepView {
  const { step: _, ...report } = change;
  // A task that is run again from its start, after it was handed back, begins its steps anew.
  const begins = report.status === 'running' && report.attempts === 1;
  const started =
    report.attempts === 0 ? undefined : ((begins ? undefined : before?.started_at) ?? iso(time));
  const waits = report.status === 'waiting_for_retry';
  const ended = !waits && report.status !== 'pending' && report.status !== 'running';
  return {
    ...report,
    ...(started && { started_at: started }),
    ...(ended && { ended_at: iso(time) }),
    ...(waits && { retry_at: iso(time + (report.error?.delay ?? 0)) }),
  };
}

function iso(time: number): string {
  return new Date(time).toISOString();
}

/** What a view says of its task, without times: a task that nothing was told of is told by it whole. */
export function reportIn({ status, steps, output, error }: TaskView): TaskReport {
  const bare = Object.entries(steps).map(([step, { status, attempts, error }]) => {
    return [step, { status, attempts, ...(error && { error }) }] as const;
  });
  return {
    status,
    steps: Object.fromEntries(bare),
    ...(output !== undefined && { output }),
    ...(error && { error }),
  };
}

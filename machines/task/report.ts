import { type StepStatus, stepsInTags, TASK_STATUSES, type TaskStatus } from '../status.ts';
import { type Failure, messageOf, type TaskContext, type TaskError, type TaskOutput } from '../step/index.ts';

/** How a step stands. */
export interface StepReport {
  readonly status: StepStatus;
  /** Attempts begun. */
  readonly attempts: number;
  /** Why the last attempt failed; while it waits, `error.delay` is how long, in ms. */
  readonly error?: Failure;
}

/** How a task stands: read from its chart's state, tags and context, and kept nowhere else. */
export interface TaskReport {
  readonly status: TaskStatus;
  readonly steps: Readonly<Record<string, StepReport>>;
  readonly output?: unknown;
  readonly error?: TaskError;
}

/** What of a task's snapshot tells how it stands; the snapshot of any {@link TaskMachine} has it. */
export interface TaskSnapshot {
  readonly status: 'active' | 'done' | 'error' | 'stopped';
  readonly tags: ReadonlySet<string>;
  readonly context: TaskContext;
  readonly output?: unknown;
  readonly error?: unknown;
}

/** A step changed: how it stands now. */
export interface StepChange extends StepReport {
  readonly step: string;
}

/** The task's own status changed. */
export type TaskChange = Omit<TaskReport, 'steps'>;

export type Change = StepChange | TaskChange;

/**
 * Reads how a task stands.
 *
 * A step whose stage is over or not yet reached has no state of its own; its place in the context tells: it has an output, it is the
 * one that failed, it was begun and stopped with the task, or it never began.
 */
export function reportOf(snapshot: TaskSnapshot): TaskReport {
  const { context, tags } = snapshot;
  const status =
    snapshot.status === 'error' ? 'error' : (TASK_STATUSES.find((word) => tags.has(word)) ?? 'pending');
  const ended = status !== 'running' && status !== 'pending';
  const inChart = ended ? undefined : stepsInTags(tags);
  const steps: Record<string, StepReport> = {};
  for (const [step, { attempts, error }] of Object.entries(context.steps)) {
    const standing = inChart?.get(step) ?? statusBesideTheChart(step, attempts, context, ended);
    steps[step] = { status: standing, attempts, ...(error && { error }) };
  }
  const output = snapshot.output as TaskOutput | undefined;
  return {
    status,
    steps,
    ...(output?.status === 'complete' && { output: output.output }),
    ...endError(snapshot),
  };
}

function statusBesideTheChart(
  step: string,
  attempts: number,
  context: TaskContext,
  ended: boolean,
): StepStatus {
  if (Object.hasOwn(context.results, step)) return 'complete';
  if (context.error?.step === step) return 'error';
  return ended && attempts > 0 ? 'cancelled' : 'pending';
}

function endError({ context, status, error }: TaskSnapshot): { error?: TaskError } {
  if (context.error) return { error: context.error };
  if (status !== 'error') return {};
  return { error: { code: 'crashed', message: `The task's chart threw: ${messageOf(error)}` } };
}

/** What changed between two reports of a task: steps in their order, the task's own status last. */
export function changesBetween(before: TaskReport | undefined, after: TaskReport): Change[] {
  const changes: Change[] = [];
  for (const [step, report] of Object.entries(after.steps)) {
    const old = before?.steps[step];
    const isSameStep =
      old?.status === report.status && old.attempts === report.attempts && isSame(old.error, report.error);
    if (!isSameStep) changes.push({ step, ...report });
  }
  const { steps: _, ...own } = after;
  if (before?.status === own.status && isSame(before.output, own.output) && isSame(before.error, own.error)) {
    return changes;
  }
  return [...changes, own];
}

/** Of two pieces of reports: both are JSON, made in the same order. */
function isSame(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

import type { TaskReport } from '../../machines/task/index.ts';

/** The end of a task whose chart threw; how its steps stood is how they were last seen. */
export function crashed(before: TaskReport | undefined, error: unknown): TaskReport {
  const message = `The task's chart threw: ${messageOf(error)}`;
  return { status: 'error', steps: stopped(before?.steps ?? {}), error: { code: 'crashed', message } };
}

export function unrecordable({ steps }: TaskReport, error: unknown): TaskReport {
  const bare = Object.entries(steps).map(([step, { error: _, ...report }]) => [step, report] as const);
  const message = `How the task ended cannot be recorded: ${messageOf(error)}`;
  return { status: 'error', steps: Object.fromEntries(bare), error: { code: 'unrecordable', message } };
}

/** Steps whose task has ended under them. */
export function stopped(steps: TaskReport['steps']): TaskReport['steps'] {
  const ended = Object.entries(steps).map(([step, report]) => {
    const runs = report.status === 'running' || report.status === 'waiting_for_retry';
    return [step, runs ? { ...report, status: 'cancelled' as const } : report] as const;
  });
  return Object.fromEntries(ended);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

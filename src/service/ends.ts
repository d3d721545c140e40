import { type AnyStateMachine, getInitialMicrosteps, transition } from 'xstate';
import type { TaskReport, TaskSnapshot } from '../../machines/task/index.ts';
import type { TaskInput } from './live-task.ts';
import type { TaskEvent } from './task-event.ts';

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

/** How a task stands that an event ends before it begins; nothing if it does not. */
export function endedBy(
  machine: AnyStateMachine,
  input: TaskInput,
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

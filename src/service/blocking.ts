import type { AnyStateMachine } from 'xstate';
import { chartHash, MismatchError, retrace } from '../durable/index.ts';
import type { TaskPast } from './task-past.ts';

/** How long a task that is set aside is left alone before it is looked whether it can go on by now, in ms. */
export const BLOCKED_WAIT = 30_000;
/** The code of the error of a task that is set aside since its process died of it. */
export const PROCESS_DIED = 'process_died';

/**
 * Whether a task that was set aside may be run with a machine. One whose chart was tried before is tried without a trace, so
 * that workers whose charts do not fit, in turn, write no journal full.
 */
export async function mayGoOn(
  id: string,
  { blocked, blockedBy, entries }: TaskPast,
  machine: AnyStateMachine,
): Promise<boolean> {
  if (!blockedBy.has(chartHash(machine))) return true;
  if (blocked?.error.code === PROCESS_DIED) return false;
  try {
    // Of what fills a chart in, its hash knows the names alone.
    await retrace(machine, { id, entries, onEntry: () => {} });
    return true;
  } catch (error) {
    if (error instanceof MismatchError) return false;
    throw error;
  }
}

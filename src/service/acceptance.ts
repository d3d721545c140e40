import type { AnyMachineSnapshot, AnyStateNode } from 'xstate';
import { ActionRefusedError } from './errors/action-refused-error.ts';
import type { RunnableTask } from './options.ts';
import type { Retraced } from './retraced.ts';
import { CANCEL, PAUSE, RESUME, type TaskEvent } from './task-event.ts';

const ENDED: readonly string[] = ['complete', 'error', 'cancelled', 'resolved_manually'];

/** Whether nothing of a task runs any more, nor will, unless it is begun anew. */
export function hasEnded({ view: { status } }: Retraced): boolean {
  return ENDED.includes(status);
}

/**
 * Refuses an event from which nothing would come, as the task stands: the chart's own `can` decides, so what the guards
 * refuse is refused here. It may stand otherwise by the time that the event comes to it.
 *
 * @throws {ActionRefusedError} With the reason.
 * @throws {RequestError} A step waits for this event, and its data is not what the step takes: each field is named.
 */
export async function assertAccepted(
  id: string,
  task: RunnableTask,
  how: Retraced,
  event: TaskEvent,
): Promise<void> {
  const { view, snapshot } = how;
  const refuse = (reason: string) => new ActionRefusedError(id, event.type, reason);
  if (hasEnded(how)) throw refuse(`it has ended: ${view.status}`);
  if (event.type === CANCEL) return;
  if (view.status === 'blocked')
    throw refuse(`it is blocked: ${view.error?.message ?? 'its chart has changed'}`);
  if (!snapshot) throw refuse('it has not begun');
  if (event.type === PAUSE) {
    if (view.status === 'paused') throw refuse('it is paused already');
  } else if (event.type === RESUME) {
    if (view.status !== 'paused') throw refuse(`it is not paused: ${view.status}`);
  } else if (!snapshot.can(event)) {
    const waiting = task.steps.find(
      (step) => step.event === event.type && view.steps[step.name]?.status === 'running',
    );
    if (waiting) await task.parseOutput(waiting.name, event.data);
    const accepted = acceptedBy(snapshot).map((type) => `"${type}"`);
    throw refuse(accepted.length > 0 ? `now it takes ${accepted.join(', ')}` : 'now it takes none');
  }
}

/** The types of the events that a chart has transitions for where it stands. */
function acceptedBy(snapshot: AnyMachineSnapshot): string[] {
  const types = snapshot._nodes.flatMap((node: AnyStateNode) => node.ownEvents);
  const own = new Set<string>(types);
  return [...own].filter((type) => !type.startsWith('xstate.') && type !== '*').toSorted();
}

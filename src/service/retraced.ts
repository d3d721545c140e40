import type { AnyMachineSnapshot } from 'xstate';
import { RequestError } from '../../machines/task/index.ts';
import { MismatchError, retrace } from '../durable/index.ts';
import type { TaskPast } from './task-past.ts';
import type { TaskRegistry } from './task-registry.ts';
import { TaskStory } from './task-story.ts';
import type { TaskView } from './task-view.ts';

/** How a task stands, as far as its journal tells. */
export interface Retraced {
  readonly view: TaskView;
  /** Of its machine; nothing if that was not begun, or cannot be retraced here. */
  readonly snapshot?: AnyMachineSnapshot | undefined;
}

/**
 * How a task stands, wherever it is run: parked, in another process, or ended.
 *
 * @param now In ms since the epoch.
 */
export async function retraced(
  id: string,
  past: TaskPast,
  registry: TaskRegistry,
  now: number,
): Promise<Retraced> {
  const { request, version, ended, blocked, restarted, isBegun, entries, wakesUntil } = past;
  if (ended) return { view: ended.view };
  const story = new TaskStory({ id, name: request.name, version }, restarted?.resolved ?? []);
  let snapshot: AnyMachineSnapshot | undefined;
  if (isBegun) {
    try {
      const { machine } = registry.find(request.name, version);
      await retrace(machine, {
        id,
        entries,
        onEntry: (folded) => {
          snapshot = folded.snapshot;
          story.hear(folded);
        },
      });
    } catch (error) {
      // As far as the machines here can tell.
      if (!(error instanceof MismatchError || error instanceof RequestError)) throw error;
      snapshot = undefined;
    }
  } else if (wakesUntil > now) story.view = { ...story.view, status: 'parked' };
  if (blocked) return { view: { ...story.view, status: 'blocked', error: blocked.error } };
  return { view: story.view, snapshot };
}

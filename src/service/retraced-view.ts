import { RequestError } from '../../machines/task/index.ts';
import { MismatchError, retrace } from '../durable/index.ts';
import type { TaskPast } from './task-past.ts';
import type { TaskRegistry } from './task-registry.ts';
import { TaskStory } from './task-story.ts';
import type { TaskView } from './task-view.ts';

/**
 * How a task stands that is not run here, as far as its journal tells: parked, in another process, or ended.
 *
 * @param now In ms since the epoch.
 */
export async function retracedView(
  id: string,
  past: TaskPast,
  registry: TaskRegistry,
  now: number,
): Promise<TaskView> {
  const { request, version, ended, blocked, isBegun, entries, wakesUntil } = past;
  if (ended) return ended.view;
  const story = new TaskStory({ id, name: request.name, version });
  if (isBegun) {
    try {
      const { machine } = registry.find(request.name, version);
      await retrace(machine, { id, entries, onEntry: (folded) => void story.hear(folded) });
    } catch (error) {
      // As far as the machines here can tell.
      if (!(error instanceof MismatchError || error instanceof RequestError)) throw error;
    }
  } else if (wakesUntil > now) story.view = { ...story.view, status: 'parked' };
  return blocked ? { ...story.view, status: 'blocked', error: blocked.error } : story.view;
}

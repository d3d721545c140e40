import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { RunnableTask, Surroundings } from '../../service/index.ts';
import { SettingsError } from './settings-error.ts';

type MakeTasks = (surroundings: Surroundings) => readonly RunnableTask[];

const NAME = 'TASKCHART_TASKS';

/**
 * Loads the tasks of a module: its default export is an array of tasks, or a function that makes one of what the service gives to effects.
 * What the tasks themselves are, the service looks at.
 *
 * @throws {SettingsError} There is no such module, it cannot be loaded, or its default export is neither.
 */
export async function loadTasks(path: string): Promise<MakeTasks> {
  let loaded: { default?: unknown };
  try {
    loaded = await import(pathToFileURL(resolve(path)).href);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SettingsError([{ path: NAME, message: `${reason} (it is ${JSON.stringify(path)})` }]);
  }
  const { default: tasks } = loaded;
  if (typeof tasks === 'function') return tasks as MakeTasks;
  if (Array.isArray(tasks)) return () => tasks;
  const message =
    'expected a module whose default export is an array of tasks, or a function of { publish, records, clock } that gives one' +
    ` (it is ${JSON.stringify(path)}, whose default export is ${tasks === undefined ? 'missing' : `of type ${typeof tasks}`})`;
  throw new SettingsError([{ path: NAME, message }]);
}

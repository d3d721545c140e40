import { RequestError, type TaskSnapshot } from '../../machines/task/index.ts';
import type { Json } from '../backends/index.ts';
import { MismatchError, retrace } from '../durable/index.ts';
import type { RunnableTask } from './options.ts';
import { parseRestart } from './task-event.ts';
import type { TaskPast } from './task-past.ts';
import type { TaskRegistry } from './task-registry.ts';

/** What a task is to be begun anew with. */
export interface Restart {
  readonly version: string;
  /** By step. */
  readonly results: Readonly<Record<string, Json>>;
  readonly reason?: string | undefined;
}

/**
 * What a `task.restart` comes to: the outputs that the task has by now, those of them that are to be kept, and those that are
 * given by hand. Of steps that the other version does not have nothing is kept.
 *
 * @throws {RequestError} It names what cannot be: a version or step that is not there, an output that is none of its step.
 */
export async function restartOf(
  registry: TaskRegistry,
  id: string,
  past: TaskPast,
  event: unknown,
): Promise<Restart> {
  const { name, context } = past.request;
  const { version, keep, results = {}, reason } = parseRestart(name, event);
  const task = version === undefined ? registry.find(name, past.version) : registry.exactly(name, version);
  task.parseContext(context);
  const given: Record<string, unknown> = {};
  for (const [step, output] of Object.entries(results)) given[step] = await task.parseOutput(step, output);
  const had = await resultsOf(id, registry.find(name, past.version), past);
  for (const step of keep ?? []) {
    if (Object.hasOwn(had, step)) continue;
    const known = Object.keys(had).map((each) => `"${each}"`);
    const there = known.length > 0 ? `those of ${known.join(', ')} are` : 'no step has one';
    throw new RequestError(name, [
      { path: 'event.keep', message: `the step "${step}" has no output that could be kept; ${there}` },
    ]);
  }
  const kept = task.steps
    .map((step) => step.name)
    .filter((step) => Object.hasOwn(had, step) && (!keep || keep.includes(step)));
  const all = { ...Object.fromEntries(kept.map((step) => [step, had[step]])), ...given };
  // What was parsed is JSON: what is in a journal, or was checked to be.
  return { version: task.version, results: all as Restart['results'], reason };
}

/** The outputs of a task's steps by now; of one that is blocked, up to where it is. */
async function resultsOf(
  id: string,
  { machine }: RunnableTask,
  { entries, isBegun, restarted }: TaskPast,
): Promise<Readonly<Record<string, unknown>>> {
  let results: Readonly<Record<string, unknown>> = restarted?.results ?? {};
  if (!isBegun) return results;
  try {
    await retrace(machine, {
      id,
      entries,
      onEntry: ({ snapshot }) => {
        results = (snapshot as TaskSnapshot).context?.results ?? results;
      },
    });
  } catch (error) {
    if (!(error instanceof MismatchError)) throw error;
  }
  return results;
}

import { RequestError, type TaskSnapshot } from '../../machines/task/index.ts';
import type { Json } from '../backends/index.ts';
import { MismatchError, resultsIn, retrace } from '../durable/index.ts';
import type { RunnableTask } from './options.ts';
import { parseRestart } from './task-event.ts';
import type { TaskPast } from './task-past.ts';
import type { TaskRegistry } from './task-registry.ts';

/** What a task is to be begun anew with. */
export interface Restart {
  readonly version: string;
  /** By step. */
  readonly results: Readonly<Record<string, Json>>;
  /** Those of them that were given by hand, now or before. */
  readonly resolved: readonly string[];
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
  const { version, keep, from, results = {} } = parseRestart(name, event);
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
  const anew = from === undefined ? [] : followersOf(task, from);
  const kept = task.steps
    .map((step) => step.name)
    .filter((step) => Object.hasOwn(had, step) && !anew.includes(step) && (!keep || keep.includes(step)));
  const all = { ...Object.fromEntries(kept.map((step) => [step, had[step]])), ...given };
  const before = (past.restarted?.resolved ?? []).filter((step) => kept.includes(step));
  return {
    version: task.version,
    // What was parsed is JSON: what is in a journal, or was checked to be.
    results: all as Restart['results'],
    resolved: [...new Set([...before, ...Object.keys(given)])],
  };
}

/** A step and all that come after it, directly or not. @throws {RequestError} There is no such step. */
function followersOf({ name, steps }: RunnableTask, from: string): string[] {
  if (!steps.some((step) => step.name === from)) {
    const known = steps.map((step) => `"${step.name}"`).join(', ');
    const message = `no step is named "${from}"; there is ${known}`;
    throw new RequestError(name, [{ path: 'event.from', message }]);
  }
  const found = new Set([from]);
  // Steps come in any order: until nothing is added any more.
  for (let size = 0; size < found.size; ) {
    size = found.size;
    for (const step of steps) if (step.after.some((other) => found.has(other))) found.add(step.name);
  }
  return [...found];
}

/**
 * The outputs of a task's steps by now. Of one that no machine here replays, up to where it is; behind that, what the
 * effects of its steps gave, as its journal has it.
 */
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
    return { ...resultsIn(entries), ...results };
  }
  return results;
}

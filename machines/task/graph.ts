import { DefinitionError } from './definition-error.ts';

/**
 * The graph of a task's steps: checked, and cut into stages.
 *
 * Invariants:
 * - G1. A graph that passes has no unknown name, no duplicate and no cycle.
 * - G2. Every step is in exactly one stage; what it comes after is in its own stage or an earlier one.
 * - G3. The steps of a stage all depend, directly or not, on every step of every earlier stage: so waiting for a stage
 *   to end delays no step. No further cut has this property.
 */
export interface Dependent {
  readonly name: string;
  readonly after: readonly string[];
}

/** @throws {DefinitionError} It names the steps that are at fault, and prints a cycle as `a → b → a`. */
export function checkGraph(task: string, steps: readonly Dependent[]): void {
  if (steps.length === 0) throw new DefinitionError(task, [], 'it has no steps; give it at least one.');
  const known = new Map<string, Dependent>();
  for (const step of steps) {
    if (known.has(step.name)) {
      throw new DefinitionError(task, [step.name], `two steps are named "${step.name}"; names must differ.`);
    }
    known.set(step.name, step);
  }
  for (const { name, after } of steps) {
    for (const other of after) {
      if (known.has(other)) continue;
      const names = [...known.keys()].map((each) => `"${each}"`).join(', ');
      throw new DefinitionError(
        task,
        [name, other],
        `step "${name}" comes after "${other}", which is no step of it; its steps are ${names}.`,
      );
    }
    const repeated = after.find((other, index) => after.indexOf(other) !== index);
    if (repeated !== undefined) {
      throw new DefinitionError(
        task,
        [name, repeated],
        `step "${name}" names "${repeated}" twice in "after".`,
      );
    }
  }
  const cycle = findCycle(steps, known);
  if (cycle) {
    throw new DefinitionError(
      task,
      cycle.slice(0, -1),
      `its steps wait for each other in a cycle: ${cycle.join(' → ')}, where each comes after the next.`,
    );
  }
}

/** Depth first, without recursion: a chain of steps may be thousands long. */
function findCycle(steps: readonly Dependent[], known: ReadonlyMap<string, Dependent>): string[] | undefined {
  const finished = new Set<string>();
  for (const { name: root } of steps) {
    const path: { name: string; rest: string[] }[] = [];
    const enter = (name: string) => path.push({ name, rest: [...(known.get(name)?.after ?? [])] });
    if (!finished.has(root)) enter(root);
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const next = top.rest.shift();
      if (next === undefined) {
        finished.add(top.name);
        path.pop();
      } else if (!finished.has(next)) {
        const start = path.findIndex(({ name }) => name === next);
        if (start >= 0) return [...path.slice(start).map(({ name }) => name), next];
        enter(next);
      }
    }
  }
  return undefined;
}

/**
 * Cuts a checked graph into stages, first to last; within a stage the steps keep the order they were given in.
 *
 * With the steps ordered by how many others each depends on, directly or not, there is a cut before place `k`
 * exactly when the step there depends on `k` others or more. For then all later ones do too; those among them
 * that depend on none of the later ones can only mean the `k` before the cut, all of them; and the others depend on one of those.
 */
export function cutIntoStages<Step extends Dependent>(steps: readonly Step[]): Step[][] {
  const ancestors = countAncestors(steps);
  const count = (step: Step) => ancestors.get(step.name) ?? 0;
  const sorted = steps.toSorted((a, b) => count(a) - count(b));
  const cuts = sorted.flatMap((step, place) => (count(step) >= place ? [place] : []));
  const written = new Map(steps.map(({ name }, place) => [name, place]));
  const byWriting = (a: Step, b: Step) => (written.get(a.name) ?? 0) - (written.get(b.name) ?? 0);
  return cuts.map((cut, index) => sorted.slice(cut, cuts[index + 1]).toSorted(byWriting));
}

/** How many steps each one depends on, directly or not. */
function countAncestors(steps: readonly Dependent[]): Map<string, number> {
  const ancestors = new Map<string, Set<string>>();
  let waiting = [...steps];
  while (waiting.length > 0) {
    // Steps are mostly written in order, so that one round settles nearly all.
    waiting = waiting.filter(({ name, after }) => {
      if (!after.every((other) => ancestors.has(other))) return true;
      const set = new Set(after);
      for (const other of after) for (const one of ancestors.get(other) ?? []) set.add(one);
      ancestors.set(name, set);
      return false;
    });
  }
  return new Map([...ancestors].map(([name, set]) => [name, set.size]));
}

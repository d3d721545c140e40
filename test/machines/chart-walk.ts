import {
  type AnyEventObject,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type AnyStateNode,
  getInitialMicrosteps,
  getMicrosteps,
} from 'xstate';
import { getShortestPaths, getSimplePaths } from 'xstate/graph';
import type { Failure } from '../../machines/step/index.ts';

/** What attempts may end with, by the word that paths are told in. */
export type Ends = Readonly<Record<string, AnyEndOfAttempt>>;
export type AnyEndOfAttempt = { readonly output: unknown } | { readonly error: Partial<Failure> | unknown };

export const FLAKY = { code: 'flaky', message: 'It may work later.', delay: 10 };
export const BROKEN = { code: 'broken', message: 'It will never work.' };
/** An attempt succeeds, fails so that another may help, or fails for good. */
export const ALL_ENDS: Ends = {
  done: { output: 'made' },
  flaky: { error: FLAKY },
  broken: { error: BROKEN },
};

export interface Walk {
  /** The words of the path's events: `a flaky, a after, a done`. */
  readonly words: string;
  readonly state: AnyMachineSnapshot;
  /** The states on the way that were left at once, too. */
  readonly passed: readonly AnyMachineSnapshot[];
}

type Told = AnyEventObject & { readonly words: string };

/** Everything that can happen to a chart in a state: its effects end, its waits are over, it is cancelled. */
function eventsIn(state: AnyMachineSnapshot, ends: Ends): Told[] {
  const attempts = state.context as { steps: Record<string, { attempts: number }> };
  const events = state._nodes.flatMap((node: AnyStateNode): Told[] => [
    ...node.invoke.flatMap(({ id }) =>
      Object.entries(ends).map(([word, end]): Told => {
        const words = `${id} ${word}`;
        if ('output' in end) return { type: `xstate.done.actor.${id}`, output: end.output, words };
        const attempt = attempts.steps[id]?.attempts;
        const error = isPlain(end.error) ? { ...end.error, attempt } : end.error;
        return { type: `xstate.error.actor.${id}`, error, words };
      }),
    ),
    ...node.after.map(
      ({ eventType }): Told => ({ type: eventType, words: `${node.parent?.meta?.step} after` }),
    ),
  ]);
  return state.status === 'active' ? [...events, { type: 'task.cancel', words: 'cancel' }] : [];
}

const isPlain = (error: unknown): error is object =>
  typeof error === 'object' && error !== null && !(error instanceof Error);

/**
 * The paths through a chart: one to each state that can be reached (`shortest`), or every one that meets no state twice
 * (`simple`). States are the same if their values and contexts are.
 */
export function walks(
  machine: AnyStateMachine,
  input: object,
  { ends = ALL_ENDS, kind = 'shortest' }: { ends?: Ends; kind?: 'shortest' | 'simple' } = {},
): Walk[] {
  const find = kind === 'shortest' ? getShortestPaths : getSimplePaths;
  const paths = find(machine, {
    input,
    events: (state: AnyMachineSnapshot) => eventsIn(state, ends),
    serializeEvent: (event: AnyEventObject) => String(event.words ?? event.type),
    serializeState: ({ value, context }: AnyMachineSnapshot) => JSON.stringify({ value, context }),
  });
  return paths.map(({ state, steps }) => {
    const events = steps.map(({ event }) => event as Told).slice(1);
    const passed = getInitialMicrosteps(machine, input).map(([each]) => each);
    for (const event of events) {
      const before = passed.at(-1);
      if (before) passed.push(...getMicrosteps(machine, before, event).map(([each]) => each));
    }
    return { words: events.map(({ words }) => words).join(', '), state, passed };
  });
}

/** Every state node of a chart, from the outermost in. */
export function nodesOf(machine: AnyStateMachine): AnyStateNode[] {
  const inside = (node: AnyStateNode): AnyStateNode[] => [
    node,
    ...Object.values(node.states).flatMap(inside),
  ];
  return inside(machine.root);
}

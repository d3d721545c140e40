import { describe, expect, test } from 'vitest';
import type { AnyMachineSnapshot, AnyStateMachine, EventObject } from 'xstate';
import { getShortestPaths, getSimplePaths } from 'xstate/graph';
import { supervisorMachine } from '../../../machines/supervisor/index.ts';
import { nodesOf } from '../chart-walk.ts';

const machine: AnyStateMachine = supervisorMachine;
const input = { limit: 4, drainWithin: 1_000 };

interface Happening extends EventObject {
  readonly words: string;
}

/** Everything that can happen in a state: what its actors end with, its waits, a drain, and what the pool may say. */
function happenings({ _nodes, status }: AnyMachineSnapshot): Happening[] {
  if (status !== 'active') return [];
  const within = _nodes.filter(({ id }) => id !== 'supervisor');
  return [
    ...within.flatMap((node) => [
      ...node.invoke.flatMap(({ id }): Happening[] => [
        { type: `xstate.done.actor.${id}`, words: `${id} done` },
        { type: `xstate.error.actor.${id}`, error: 'no', words: `${id} failed` } as Happening,
      ]),
      ...node.after.map(
        ({ eventType, delay }): Happening => ({ type: eventType, words: `${String(delay)} over` }),
      ),
    ]),
    { type: 'supervisor.drain', words: 'drain' },
    { type: 'pool.drained', handedBack: 3, words: 'drained' } as Happening,
    { type: 'task.crashed', id: 'a', error: 'no', words: 'crashed' } as Happening,
  ];
}

function walk(kind: 'shortest' | 'simple') {
  const find = kind === 'shortest' ? getShortestPaths : getSimplePaths;
  const paths = find(machine, {
    input,
    events: happenings,
    serializeEvent: (event: EventObject) => (event as Happening).words,
    serializeState: ({ value, context }: AnyMachineSnapshot) => JSON.stringify({ value, context }),
  });
  return paths.map(({ state, steps }) => ({
    words: steps.slice(1).map(({ event }) => (event as unknown as Happening).words),
    state: state as AnyMachineSnapshot,
  }));
}

const placeOf = ({ value }: AnyMachineSnapshot) =>
  typeof value === 'string'
    ? value
    : Object.entries(value)
        .map(([outer, inner]) => `${outer}.${inner}`)
        .join();

describe('the chart of the supervisor', () => {
  test('reaches these states, by these ways', () => {
    const shortest = walk('shortest').map(({ words, state }) => [words.join(', '), placeOf(state)]);
    expect(shortest).toEqual([
      ['', 'starting'],
      ['open done', 'accepting.taking'],
      ['open failed', 'stopped'],
      ['drain', 'stopped'],
      ['open done, intake done', 'accepting.waiting'],
      ['open done, drain', 'draining.finishing'],
      ['open done, drain, drainWithin over', 'draining.handingBack'],
      ['open done, drain, drained', 'stopped'],
    ]);
  });

  test('goes every way without meeting a state twice, and each ends stopped or may go on to it', () => {
    const simple = walk('simple');
    expect(simple.length).toBeGreaterThanOrEqual(11);
    const ends = Map.groupBy(simple, ({ state }) => placeOf(state));
    expect([...ends.keys()].toSorted()).toEqual([
      'accepting.taking',
      'accepting.waiting',
      'draining.finishing',
      'draining.handingBack',
      'starting',
      'stopped',
    ]);
    for (const { words, state } of ends.get('stopped') ?? []) {
      expect(state.status, words.join()).toBe('done');
      const drained = words.at(-1) === 'drained';
      const { handedBack, error } = state.output as { handedBack: number; error?: unknown };
      expect(handedBack, words.join()).toBe(drained ? 3 : 0);
      expect(error, words.join()).toBe(words.at(-1) === 'open failed' ? 'no' : undefined);
    }
  });

  test('passes through every state that it has', () => {
    const reached = new Set(walk('shortest').flatMap(({ state }) => state._nodes.map(({ id }) => id)));
    expect(nodesOf(machine).map(({ id }) => id)).toEqual(
      [...nodesOf(machine).map(({ id }) => id)].filter((id) => reached.has(id)),
    );
  });

  test('after a drain never takes again', () => {
    for (const { words, state } of walk('simple')) {
      if (words.includes('drain')) expect(placeOf(state), words.join()).toMatch(/^(draining|stopped)/);
    }
  });

  test('says of every state what it means, in a description and in tags', () => {
    for (const node of nodesOf(machine).filter(({ id }) => id !== 'supervisor')) {
      expect(node.description, node.id).toMatch(/^[A-Z].*\.$/);
      expect(node.tags.length, node.id).toBeGreaterThan(0);
    }
  });

  test('says of every event between tasks and supervisor what it means', () => {
    for (const transitions of machine.root.transitions.values()) {
      for (const { description } of transitions) expect(description).toMatch(/^[A-Z].*\.$/);
    }
  });

  test('is JSON, so that it can be drawn', () => {
    expect(JSON.parse(JSON.stringify(machine.definition)).states).toHaveProperty(
      'draining.states.handingBack',
    );
  });
});

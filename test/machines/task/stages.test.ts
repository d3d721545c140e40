import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { taskFromData } from '../../../machines/task/index.ts';
import { type Graph, graphs, shuffled } from './random-graph.ts';

const stagesOf = (graph: Graph) =>
  taskFromData({
    name: 'task',
    version: '1',
    steps: graph.map(({ name, after }) => ({ name, after })),
  }).stages.map((stage) => [...stage]);

/** Of each step, all that it depends on: by looking, again and again. */
function ancestorsIn(graph: Graph): Map<string, Set<string>> {
  const ancestors = new Map(graph.map(({ name, after }) => [name, new Set(after)]));
  for (let grown = true; grown; ) {
    grown = false;
    for (const set of ancestors.values()) {
      const before = set.size;
      for (const one of [...set]) for (const other of ancestors.get(one) ?? []) set.add(other);
      grown ||= set.size > before;
    }
  }
  return ancestors;
}

/** The cuts by their definition: every set of steps that all the others depend on, wholly. */
function cutsOf(graph: Graph): Set<string>[] {
  const ancestors = ancestorsIn(graph);
  const cuts: Set<string>[] = [];
  for (let bits = 1; bits < 2 ** graph.length; bits += 1) {
    const first = graph.filter((_, place) => bits & (1 << place)).map(({ name }) => name);
    const rest = graph.filter((_, place) => !(bits & (1 << place)));
    if (rest.every(({ name }) => first.every((one) => ancestors.get(name)?.has(one))))
      cuts.push(new Set(first));
  }
  return cuts.toSorted((a, b) => a.size - b.size);
}

describe('stages', () => {
  test('G2, G3: are the finest cut in which every step depends on all of the earlier stages', () => {
    fc.assert(
      fc.property(shuffled(graphs(8)), (graph) => {
        const cuts = cutsOf(graph);
        const expected = cuts.map((cut, index) =>
          graph.map(({ name }) => name).filter((name) => cut.has(name) && !cuts[index - 1]?.has(name)),
        );
        expect(stagesOf(graph)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  test('do not depend on the order of writing', () => {
    fc.assert(
      fc.property(
        graphs(8).chain((graph) => fc.tuple(fc.constant(graph), shuffled(fc.constant(graph)))),
        ([graph, other]) => {
          const sorted = (stages: string[][]) => stages.map((stage) => stage.toSorted());
          expect(sorted(stagesOf(other))).toEqual(sorted(stagesOf(graph)));
        },
      ),
    );
  });

  test('a chain of 1,000 steps has 1,000, however it is written', () => {
    const chain = Array.from({ length: 1_000 }, (_, n) => ({
      name: `s${n}`,
      after: n > 0 ? [`s${n - 1}`] : [],
    }));
    expect(stagesOf(chain)).toHaveLength(1_000);
    expect(stagesOf(chain.toReversed())).toEqual(chain.map(({ name }) => [name]));
  });

  test('100 steps that depend on nothing are one', () => {
    const steps = Array.from({ length: 100 }, (_, n) => ({ name: `s${n}`, after: [] }));
    expect(stagesOf(steps)).toEqual([steps.map(({ name }) => name)]);
  });

  test('100 steps between a first and a last are three', () => {
    const middle = Array.from({ length: 100 }, (_, n) => ({ name: `s${n}`, after: ['first'] }));
    const names = middle.map(({ name }) => name);
    const graph = [{ name: 'first', after: [] }, ...middle, { name: 'last', after: names }];
    expect(stagesOf(graph).map(({ length }) => length)).toEqual([1, 100, 1]);
  });

  test('more steps side by side than a chart can hold are refused, with the number and the limit', () => {
    const steps = Array.from({ length: 101 }, (_, n) => ({ name: `s${n}`, after: [] }));
    expect(() => stagesOf(steps)).toThrow(
      'Task "task": 101 of its steps run side by side, more than a chart can hold (100).',
    );
  });

  test('the order task reads as it was drawn', () => {
    const { machine } = taskFromData({
      name: 'order',
      version: '1',
      steps: [
        { name: 'fetch_cart', stage: 'fetching' },
        { name: 'fetch_products' },
        { name: 'validate_products', after: ['fetch_cart', 'fetch_products'], stage: 'validating' },
        { name: 'create_order', after: ['validate_products'], stage: 'creating' },
        { name: 'publish_event', after: ['create_order', 'fetch_cart'], stage: 'publishing' },
      ],
    });
    const { initial, states } = machine.root.definition;
    expect(Object.keys(states).slice(0, 5)).toEqual([
      'fetching',
      'validating',
      'creating',
      'publishing',
      'succeeded',
    ]);
    expect(initial?.target.map(({ key }) => key)).toEqual(['fetching']);
    expect(states.fetching).toMatchObject({
      type: 'parallel',
      states: { fetch_cart: { initial: expect.anything() }, fetch_products: { initial: expect.anything() } },
    });
    expect(states.validating?.type).toBe('compound');
    expect(Object.keys(states.validating?.states ?? {})).toEqual([
      'pending',
      'running',
      'backingOff',
      'succeeded',
      'failed',
    ]);
  });
});

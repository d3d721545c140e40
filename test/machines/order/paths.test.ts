import { describe, expect, test } from 'vitest';
import { type AnyMachineSnapshot, type EventObject, getInitialMicrosteps, getMicrosteps } from 'xstate';
import { getShortestPaths, getSimplePaths } from 'xstate/graph';
import { orderTask, PRODUCT_ISSUES, type Product } from '../../../machines/order/index.ts';
import { reportOf, type TaskSnapshot } from '../../../machines/task/index.ts';
import { nodesOf } from '../chart-walk.ts';
import { cart, inputOf, line, product } from './fixtures.ts';

const { machine } = orderTask;

interface Happening extends EventObject {
  /** `fetch_cart:done`. */
  readonly words: string;
}

const catalogue: readonly Product[] = [
  product({ id: 1, stock: 5 }),
  product({ id: 2, availabilityStatus: 'Out of Stock' }),
];
/** What the cart may hold, by what the check should make of it. */
const CARTS: Readonly<Record<string, unknown>> = {
  fine: cart({ id: 1 }),
  cart_is_empty: cart(),
  quantity_is_invalid: cart({ id: 1, quantity: 0 }),
  product_is_unknown: cart({ id: 3 }),
  product_is_unavailable: cart({ id: 2 }),
  stock_is_short: cart({ id: 1, quantity: 6 }),
  broken: { id: 1, products: [{ ...line(), id: 1 }, null] },
};
const FLAKY = { code: 'http_503', message: 'It may work later.', attempt: 1, delay: 10 };
const BROKEN = { code: 'http_400', message: 'It will never work.', attempt: 1 };

/** Everything that can happen in a state. Publishing goes on without limit: here, twice. */
function happenings(carts: readonly string[], flakes: number) {
  return ({ _nodes, context, status }: AnyMachineSnapshot): Happening[] => {
    if (status !== 'active') return [];
    const steps: Record<string, { attempts: number }> = context.steps;
    const done = (id: string, output: unknown, word = 'done'): Happening => {
      return { type: `xstate.done.actor.${id}`, output, words: `${id}:${word}` } as Happening;
    };
    const failed = (id: string, error: object, word: string): Happening => {
      return { type: `xstate.error.actor.${id}`, error, words: `${id}:${word}` } as Happening;
    };
    const ends = (id: string): Happening[] => {
      if (id === 'fetch_cart') return carts.map((word) => done(id, CARTS[word], word));
      return [done(id, id === 'fetch_products' ? catalogue : `${id}’s`)];
    };
    return [
      ..._nodes.flatMap((node) => [
        ...node.invoke.flatMap(({ id }) => [
          ...ends(id),
          failed(id, BROKEN, 'broken'),
          ...((steps[id]?.attempts ?? 0) <= flakes ? [failed(id, FLAKY, 'flaky')] : []),
        ]),
        ...node.after.map(({ eventType }): Happening => {
          return { type: eventType, words: `${node.parent?.meta?.step}:again` };
        }),
      ]),
      { type: 'task.cancel', words: 'cancel' },
    ];
  };
}

function walk(find: typeof getShortestPaths, carts: readonly string[], flakes: number) {
  const paths = find(machine, {
    input: inputOf(),
    events: happenings(carts, flakes) as never,
    serializeState: ({ value, context }) => JSON.stringify({ value, context }),
  });
  return paths.map(({ state, steps }) => {
    const events = steps.slice(1).map(({ event }) => event as unknown as Happening);
    return { state, events, words: events.map((event) => event.words) };
  });
}

const all = walk(getShortestPaths, Object.keys(CARTS), 3);
const every = walk(getSimplePaths, ['fine', 'stock_is_short'], 1);

/** Each state on a path's way. */
function passed({ events }: (typeof all)[number]): AnyMachineSnapshot[] {
  const states: AnyMachineSnapshot[] = getInitialMicrosteps(machine, inputOf()).map(([state]) => state);
  for (const event of events) {
    const before = states.at(-1) as (typeof all)[number]['state'];
    states.push(...getMicrosteps(machine, before, event as never).map(([state]) => state));
  }
  return states;
}

const reported = ({ state }: (typeof all)[number]) => reportOf(state as unknown as TaskSnapshot);

describe('every reachable state of the order, by a shortest path', () => {
  test('each way of refusing the cart ends rejected, naming the code', () => {
    for (const code of Object.keys(PRODUCT_ISSUES)) {
      const ended = all.filter(
        ({ words, state }) => words.includes(`fetch_cart:${code}`) && state.value === 'rejected',
      );
      expect(ended.length).toBeGreaterThan(0);
      for (const path of ended) {
        expect(reported(path)).toMatchObject({
          status: 'error',
          error: { code: 'rejected', step: 'validate_products', issues: [{ code }] },
          steps: {
            fetch_cart: { status: 'complete' },
            fetch_products: { status: 'complete' },
            validate_products: { status: 'error', attempts: 1 },
            create_order: { status: 'pending', attempts: 0 },
            publish_event: { status: 'pending', attempts: 0 },
          },
        });
      }
    }
  });

  test('a check that goes wrong itself fails the task, not rejects it', () => {
    const ended = all.filter(
      ({ words, state }) => words.includes('fetch_cart:broken') && state.value === 'failed',
    );
    const byCheck = ended.filter((path) => reported(path).error?.step === 'validate_products');
    expect(byCheck.length).toBeGreaterThan(0);
    for (const path of byCheck) expect(reported(path).error?.code).toBe('invalid_check');
  });

  test('three flaky attempts fail a step, but publishing goes on', () => {
    const thriceFlaky = (step: string) =>
      all.filter(({ words }) => words.filter((word) => word === `${step}:flaky`).length === 3);
    for (const step of ['fetch_cart', 'fetch_products', 'create_order']) {
      expect(thriceFlaky(step).length).toBeGreaterThan(0);
      for (const path of thriceFlaky(step)) {
        expect(path.state.value).toBe('failed');
        expect(reported(path)).toMatchObject({
          error: { step, code: 'http_503' },
          steps: { [step]: { attempts: 3 } },
        });
      }
    }
    const published = thriceFlaky('publish_event').filter(({ state }) => state.value === 'succeeded');
    expect(published.length).toBeGreaterThan(0);
    for (const path of published) expect(reported(path).steps.publish_event?.attempts).toBe(4);
  });

  test('no state is out of reach, those that are left at once included', () => {
    const seen = new Set(
      walk(getShortestPaths, Object.keys(CARTS), 1)
        .flatMap(passed)
        .flatMap(({ _nodes }) => _nodes.map(({ id }) => id)),
    );
    expect(nodesOf(machine).flatMap(({ id }) => (seen.has(id) ? [] : [id]))).toEqual([]);
  });
});

describe('every path through the order that meets no state twice', () => {
  test('there are hundreds, and each ends in one of four ways or goes on', () => {
    expect(every.length).toBeGreaterThan(500);
    const ends = new Set(
      every.filter(({ state }) => state.status !== 'active').map(({ state }) => state.value),
    );
    expect(ends).toEqual(new Set(['succeeded', 'failed', 'rejected', 'cancelled']));
  });

  test('no step begins before all it comes after has succeeded, and none again once it has', () => {
    const after = new Map(orderTask.steps.map((step) => [step.name, step.after]));
    for (const { words } of every) {
      const succeeded = new Set<string>();
      for (const word of words) {
        const [step = '', what] = word.split(':');
        if (step === 'cancel') continue;
        expect(succeeded).not.toContain(step);
        for (const other of after.get(step) ?? []) {
          if (other !== 'validate_products') expect(succeeded).toContain(other);
        }
        if (!['flaky', 'broken', 'again'].includes(what ?? '')) succeeded.add(step);
      }
    }
  });

  test('a step that fails for good ends the task at once, and a cancellation does, wherever it comes', () => {
    for (const { words, state } of every) {
      const end = words.findIndex((word) => word.endsWith(':broken') || word === 'cancel');
      if (end < 0) continue;
      expect(end).toBe(words.length - 1);
      expect(state.value).toBe(words[end] === 'cancel' ? 'cancelled' : 'failed');
      expect(state.status).toBe('done');
    }
  });

  test('the context survives JSON in every state', () => {
    for (const { state } of every) expect(JSON.parse(JSON.stringify(state.context))).toEqual(state.context);
  });
});

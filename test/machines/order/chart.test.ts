import { describe, expect, test } from 'vitest';
import { orderTask, PRODUCT_ISSUES } from '../../../machines/order/index.ts';
import { STEP_STATUSES, TASK_STATUSES } from '../../../machines/status.ts';

/** The chart as it is exported: what an inspector is sent, and draws. */
interface Exported {
  readonly id?: string;
  readonly version?: string;
  readonly description?: string;
  readonly type?: string;
  readonly initial?: string;
  readonly tags?: readonly string[];
  readonly states?: Readonly<Record<string, Exported>>;
  readonly on?: Readonly<Record<string, Exported>>;
  readonly onDone?: unknown;
  readonly always?: unknown;
  readonly after?: unknown;
  readonly invoke?: {
    readonly id: string;
    readonly src: string;
    readonly onDone: object;
    readonly onError: object;
  };
  readonly target?: string;
  readonly actions?: { readonly type: string };
}

const chart: Exported = JSON.parse(JSON.stringify(orderTask.machine.config));

function at(...path: readonly string[]): Exported {
  return path.reduce((state, key): Exported => {
    const inside = state.states?.[key];
    if (!inside) throw new Error(`The chart has no state ${path.join('.')}.`);
    return inside;
  }, chart);
}

/** Every state by its path. */
function all(state = chart, path: readonly string[] = []): [string, Exported][] {
  return Object.entries(state.states ?? {}).flatMap(([key, inside]): [string, Exported][] => [
    [[...path, key].join('.'), inside],
    ...all(inside, [...path, key]),
  ]);
}

const STEPS = {
  fetch_cart: ['fetching', 'fetch_cart'],
  fetch_products: ['fetching', 'fetch_products'],
  validate_products: ['validating'],
  create_order: ['creating'],
  publish_event: ['publishing'],
} as const;
const EFFECTS = ['fetch_cart', 'fetch_products', 'create_order', 'publish_event'] as const;

describe('the order’s chart, exported as JSON, is what DESIGN draws', () => {
  test('fetching → validating → creating → publishing → succeeded, and three other ends', () => {
    expect(chart).toMatchObject({ id: 'order', version: '1', initial: 'fetching' });
    expect(Object.keys(chart.states ?? {})).toEqual([
      'fetching',
      'validating',
      'creating',
      'publishing',
      'succeeded',
      'failed',
      'rejected',
      'cancelled',
    ]);
    expect(at('fetching').onDone).toBe('validating');
    expect(at('validating').onDone).toBe('creating');
    expect(at('creating').onDone).toBe('publishing');
    expect(at('publishing').onDone).toBe('succeeded');
    for (const end of ['succeeded', 'failed', 'rejected', 'cancelled']) expect(at(end).type).toBe('final');
  });

  test('fetching is parallel, a region a fetch; nothing else is', () => {
    expect(at('fetching').type).toBe('parallel');
    expect(Object.keys(at('fetching').states ?? {})).toEqual(['fetch_cart', 'fetch_products']);
    expect(all().flatMap(([path, { type }]) => (type === 'parallel' ? [path] : []))).toEqual(['fetching']);
  });

  test.each(EFFECTS)('%s: pending, running, backing off, succeeded, failed', (step) => {
    const state = at(...STEPS[step]);
    expect(state.initial).toBe('pending');
    expect(Object.keys(state.states ?? {})).toEqual([
      'pending',
      'running',
      'backingOff',
      'succeeded',
      'failed',
    ]);
    const { pending, running, backingOff, succeeded, failed } = state.states ?? {};
    expect(pending?.always).toEqual([
      { guard: { type: 'hasResult', params: { step } }, target: 'succeeded' },
      { target: 'running' },
    ]);
    expect(running?.invoke).toMatchObject({
      id: step,
      src: step,
      onDone: { target: 'succeeded', actions: { type: 'recordOutput' } },
      onError: [
        { guard: { type: 'canRetry' }, target: 'backingOff', actions: { type: 'recordFailure' } },
        { target: 'failed', actions: { type: 'recordFailure' } },
      ],
    });
    expect(backingOff?.after).toEqual({ [`${step}_backoff`]: 'running' });
    expect(succeeded?.type).toBe('final');
    expect(failed?.always).toMatchObject({ target: '#order.failed' });
  });

  test('the check: a transition a code, by guard and reason, in declared order, to rejected', () => {
    const { pending, checking, ...rest } = at('validating').states ?? {};
    expect(Object.keys(rest)).toEqual(['succeeded', 'failed']);
    expect(pending?.always).toMatchObject([{ guard: { type: 'hasResult' } }, { target: 'checking' }]);
    const step = 'validate_products';
    expect(checking?.always).toMatchObject([
      ...Object.entries(PRODUCT_ISSUES).map(([code, description]) => ({
        description,
        guard: { type: code, params: { step } },
        target: '#order.rejected',
        actions: { type: 'rejectTask' },
      })),
      { guard: { type: 'hasFailed', params: { step } }, target: 'failed' },
      { target: 'succeeded', actions: { type: 'recordVerdict' } },
    ]);
    expect(checking).not.toHaveProperty('invoke');
    expect(checking).not.toHaveProperty('after');
  });

  test('it can be cancelled wherever it is', () => {
    expect(chart.on).toMatchObject({
      'task.cancel': { target: '.cancelled', actions: { type: 'cancelTask' } },
    });
  });

  test('every state says what it is, and so does the way out', () => {
    expect(chart.description).toMatch(/\w/);
    expect(all().filter(([, { description }]) => !description)).toEqual([]);
    expect(chart.on?.['task.cancel']?.description).toMatch(/\w/);
    expect(at('publishing', 'running').description).toContain('without limit');
    expect(at('fetching', 'fetch_cart', 'running').description).toBe(
      'One attempt of 3, of at most 30000 ms.',
    );
  });

  test('tags carry the status: of the task on its own states, of a step on the step’s', () => {
    const words: Record<string, readonly string[] | undefined> = Object.fromEntries(
      Object.keys(chart.states ?? {}).map((state) => [state, at(state).tags]),
    );
    expect(words).toEqual({
      fetching: ['running'],
      validating: ['running'],
      creating: ['running'],
      publishing: ['running'],
      succeeded: ['complete'],
      failed: ['error'],
      rejected: ['error'],
      cancelled: ['cancelled'],
    });
    for (const step of EFFECTS) {
      const { states = {} } = at(...STEPS[step]);
      expect(Object.values(states).map(({ tags }) => tags)).toEqual([
        [`${step}:pending`],
        [`${step}:running`],
        [`${step}:waiting_for_retry`],
        [`${step}:complete`],
        [`${step}:error`],
      ]);
    }
    expect(Object.values(at('validating').states ?? {}).map(({ tags }) => tags)).toEqual([
      ['validate_products:pending'],
      ['validate_products:running'],
      ['validate_products:complete'],
      ['validate_products:error'],
    ]);
    const known = new Set<string>([...TASK_STATUSES, ...STEP_STATUSES]);
    const odd = all().flatMap(([, { tags = [] }]) =>
      tags.filter((tag) => !known.has(tag.replace(/^.*:/, ''))),
    );
    expect(odd).toEqual([]);
  });

  test('every way leads to a state that is there', () => {
    const ids = new Set(all().map(([path]) => `#order.${path}`));
    const targets = [...JSON.stringify(chart).matchAll(/"(?:target|onDone)":"([^"]+)"/g)].map(([, to]) => to);
    expect(targets.length).toBeGreaterThan(20);
    const absolute = targets.filter((to) => to?.startsWith('#'));
    expect(absolute.filter((to) => !ids.has(to ?? ''))).toEqual([]);
  });
});

test('the definition tells its steps, kinds, dependencies and stages', () => {
  expect(orderTask.steps.map(({ name, kind, after }) => [name, kind, after])).toEqual([
    ['fetch_cart', 'effect', []],
    ['fetch_products', 'effect', []],
    ['validate_products', 'check', ['fetch_cart', 'fetch_products']],
    ['create_order', 'effect', ['validate_products']],
    ['publish_event', 'effect', ['create_order']],
  ]);
  expect(orderTask.stages).toEqual([
    ['fetch_cart', 'fetch_products'],
    ['validate_products'],
    ['create_order'],
    ['publish_event'],
  ]);
});

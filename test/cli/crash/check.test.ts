import { describe, expect, test } from 'vitest';
import type { Order } from '../../../machines/order/index.ts';
import type { Json } from '../../../src/backends/index.ts';
import { check, type Verdict } from '../../../src/cli/crash/check.ts';
import type { Evidence, Ordered, TraceCommit } from '../../../src/cli/crash/evidence.ts';
import { isWell, resultOf } from '../../../src/cli/crash/result.ts';
import { emptyView, type TaskView } from '../../../src/service/index.ts';

const order = { id: 'order-a', total: 24.5, discounted_total: 22.05 } as Order;
const ordered: Ordered = {
  id: 'a',
  cartId: 1,
  expect: { status: 'complete', total: 24.5, discounted_total: 22.05 },
};
const view = (part: Partial<TaskView>): TaskView => ({
  ...emptyView({ id: 'a', name: 'order', version: '1' }),
  ...part,
});
const complete = view({ status: 'complete', output: { order } });

const commit = (life: string, at: number, part: Partial<TraceCommit> = {}): TraceCommit => ({
  life,
  at,
  results: [],
  ...part,
});

/** Two processes on one order: the first is killed at 200, between its two fetches; the second comes at 500. */
const trace: readonly TraceCommit[] = [
  commit('w1.1', 100),
  commit('w1.1', 150, { results: ['fetch_cart'] }),
  commit('w1.2', 500),
  commit('w1.2', 600, { results: ['fetch_products'] }),
  commit('w1.2', 650, { results: ['create_order', 'publish_event'] }),
  commit('w1.2', 700, { ended: complete }),
];

const evidence: Evidence = {
  orders: [ordered],
  traces: new Map([['a', trace]]),
  calls: [
    { key: 'a/fetch_cart', agent: 'w1.1', started_at: 150 },
    { key: 'a/fetch_products/skip=0', agent: 'w1.1', started_at: 160 },
    { key: 'a/fetch_products/skip=0', agent: 'w1.2', started_at: 510 },
    { key: 'a/fetch_products/skip=30', agent: 'w1.2', started_at: 520 },
  ],
  records: new Map([['a', order as unknown as Json]]),
  created: new Map([['a', [order as unknown as Json]]]),
  told: new Map([['a', 'complete']]),
  kills: [{ life: 'w1.1', at: 200 }],
};

const counts = (verdict: Verdict) => {
  const { lost, repeated, doubled } = resultOf(1, 1, verdict);
  return [lost, repeated, doubled];
};
const found = (part: Partial<Evidence>): number[] => counts(check({ ...evidence, ...part }));
const withTrace = (...commits: TraceCommit[]): Partial<Evidence> => ({ traces: new Map([['a', commits]]) });
const withCall = (key: string, agent: string, started_at: number): Partial<Evidence> => ({
  calls: [...evidence.calls, { key, agent, started_at }],
});

test('an order that was taken up again, and ended as it should, is well', () => {
  const verdict = check(evidence);
  const slowest = { task: 'a', ms: 300, from: 'w1.1', to: 'w1.2' };
  expect(verdict).toEqual({ lost: [], repeated: [], late: [], doubled: [], slowest });
  expect(isWell(resultOf(1, 1, verdict))).toBe(true);
});

describe('lost is an order', () => {
  test.each<[string, Partial<Evidence>]>([
    ['that left no journal', { traces: new Map() }],
    ['that did not end', withTrace(...trace.slice(0, -1))],
    ['that ended otherwise', withTrace(commit('w1.1', 100, { ended: view({ status: 'blocked' }) }))],
    ['that ended with other sums', { orders: [{ ...ordered, expect: { ...complete, total: 24 } as never }] }],
    ['whose end nobody was told of', { told: new Map([['a', 'running']]) }],
    ['of which a result is missing', withTrace(...trace.slice(0, 3), ...trace.slice(4))],
    ['that is not kept', { records: new Map() }],
    ['that was not published', { created: new Map() }],
  ])('%s', (_, part) => {
    expect(found(part)[0]).toBe(1);
    expect(isWell(resultOf(1, 1, check({ ...evidence, ...part })))).toBe(false);
  });

  test('that should be rejected for other reasons', () => {
    const rejected = (...codes: string[]) =>
      withTrace(
        commit('w1.1', 100, {
          ended: view({
            status: 'error',
            error: { code: 'rejected', message: '', issues: codes.map((code) => ({ code, message: '' })) },
          }),
        }),
      );
    const part: Partial<Evidence> = {
      orders: [{ ...ordered, expect: { status: 'error', code: 'rejected', issues: ['cart_is_empty'] } }],
      calls: [],
      records: new Map(),
      created: new Map(),
      told: new Map([['a', 'error']]),
    };
    expect(found({ ...part, ...rejected('cart_is_empty') })).toEqual([0, 0, 0]);
    expect(found({ ...part, ...rejected('stock_is_short') })).toEqual([1, 0, 0]);
  });
});

describe('repeated is a call', () => {
  test.each<[string, string, number]>([
    ['by the process that stored its result', 'w1.1', 151],
    ['by one that took the task up later', 'w1.2', 510],
    ['by one that never had the task', 'w1.3', 400],
  ])('of an effect whose result is durable, %s', (_, agent, at) => {
    expect(found(withCall('a/fetch_cart', agent, at))).toEqual([0, 1, 0]);
  });

  test('of one of several requests of such an effect', () => {
    expect(found(withCall('a/fetch_products/skip=60', 'w1.2', 601))).toEqual([0, 1, 0]);
  });

  test('for a task that had ended, by a process that came to it later', () => {
    expect(found(withCall('a/another_step', 'w1.3', 800))).toEqual([0, 1, 0]);
    expect(found(withCall('a/another_step', 'w1.2', 701))).toEqual([0, 0, 0]);
  });

  test('but not by a process that lost the task before, and could not know', () => {
    for (const at of [630, 750]) {
      const verdict = check({ ...evidence, ...withCall('a/fetch_products/skip=30', 'w1.1', at) });
      expect(counts(verdict)).toEqual([0, 0, 0]);
      expect(verdict.late).toHaveLength(1);
    }
  });

  test('and a result that stands in the journal twice', () => {
    const again = commit('w1.2', 640, { results: ['fetch_cart'] });
    expect(found(withTrace(...trace.slice(0, 4), again, ...trace.slice(4)))).toEqual([0, 1, 0]);
  });
});

describe('doubled is an order', () => {
  const other = { ...order, total: 1 } as unknown as Json;
  const same = order as unknown as Json;
  test.each<[string, Partial<Evidence>]>([
    ['with two events', { created: new Map([['a', [same, same]]]) }],
    ['with another event than it gave', { created: new Map([['a', [other]]]) }],
    ['kept otherwise than it gave', { records: new Map([['a', other]]) }],
  ])('%s', (_, part) => {
    expect(found(part)).toEqual([0, 0, 1]);
  });

  test('with an event that it should not have', () => {
    expect(found(withTrace(...trace.slice(0, -1)))).toEqual([1, 0, 1]);
  });
});

test('recovery is counted from the kill of whoever moved a task last until it moves again, whoever else dies meanwhile', () => {
  const kills = [
    { life: 'w1.1', at: 200 },
    { life: 'w1.2', at: 300 },
  ];
  const traces = new Map([
    ['a', [commit('w1.1', 100), commit('w1.3', 450)]],
    ['b', [commit('w1.1', 100), commit('w1.2', 250), commit('w1.3', 460)]],
    ['c', [commit('w1.1', 100, { ended: complete })]],
  ]);
  expect(check({ ...evidence, traces, kills }).slowest).toEqual({
    task: 'a',
    ms: 250,
    from: 'w1.1',
    to: 'w1.3',
  });
});

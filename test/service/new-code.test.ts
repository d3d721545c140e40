import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineTask, type TaskDefinition } from '../../machines/task/index.ts';
import type { RunnableTask } from '../../src/service/index.ts';
import { refuseStrayErrors } from '../machines/supervisor/stray-errors.ts';
import { openStand, soFar } from './stand.ts';

refuseStrayErrors();

/** A step as data: what it comes after; none is a check. */
type Steps = Readonly<Record<string, { readonly after: readonly string[]; readonly check?: boolean }>>;

interface Code {
  readonly task: RunnableTask;
  /** The steps whose effects were called, in order. */
  readonly calls: string[];
}

/** What each step's effect does on its next calls. */
type Does = Record<string, () => unknown>;

function code(steps: Steps, does: Does = {}): Code {
  const calls: string[] = [];
  let builder = defineTask({
    name: 'chain',
    version: '1',
    context: z.object({}),
    retry: { attempts: 5, baseDelay: 60_000, jitter: 'none' },
  }) as unknown as {
    step(name: string, options: object): typeof builder;
    build(options: object): TaskDefinition<unknown, unknown, unknown, unknown>;
  };
  for (const [name, { after, check = false }] of Object.entries(steps)) {
    const kind = check
      ? { check: () => ({ output: `${name} is well` }), issues: { odd: 'It is odd.' } }
      : {
          run: () => {
            calls.push(name);
            return does[name]?.() ?? `the ${name}`;
          },
        };
    builder = builder.step(name, { after, output: z.string(), ...kind });
  }
  const task = builder.build({ output: (results: unknown) => results });
  return { task: task as unknown as RunnableTask, calls };
}

const chained = (...names: string[]): Steps =>
  Object.fromEntries(
    names.map((name, index) => [name, { after: names.slice(Math.max(0, index - 1), index) }]),
  );

const OLD = chained('one', 'two', 'three');

/** What is changed while a task waits. */
const CHANGES: Readonly<Record<string, Steps>> = {
  nothing: OLD,
  'a step added at the end': chained('one', 'two', 'three', 'four'),
  'a step added in front': chained('zero', 'one', 'two', 'three'),
  'a step added between': chained('one', 'between', 'two', 'three'),
  'a step added beside the first': { ...OLD, beside: { after: [] } },
  'a check added between': {
    one: { after: [] },
    checked: { after: ['one'], check: true },
    two: { after: ['checked'] },
    three: { after: ['two'] },
  },
  'the first step removed': chained('two', 'three'),
  'the middle step removed': chained('one', 'three'),
  'the last step removed': chained('one', 'two'),
  'the first step renamed': chained('uno', 'two', 'three'),
  'the middle step renamed': chained('one', 'due', 'three'),
  'the last step renamed': chained('one', 'two', 'tre'),
  'all steps renamed': chained('uno', 'due', 'tre'),
  'the last two steps in the other order': chained('one', 'three', 'two'),
  'the first two steps in the other order': chained('two', 'one', 'three'),
  'two steps side by side': { one: { after: [] }, two: { after: [] }, three: { after: ['one', 'two'] } },
};

const never = () => new Promise(() => {});
const fails = () => {
  throw new Error('not yet');
};

/** Without the contexts' hashes, which find more. */
const AS_IN_PRODUCTION = { drainWithin: 0, alwaysReplay: false };

/** What the task is at when its process ends, and how that ends. */
const STATES: Readonly<Record<string, { does: Does; kept: string[]; killed: boolean; run_at?: boolean }>> = {
  'not begun': { does: {}, kept: [], killed: false, run_at: true },
  'in its first step, killed': { does: { one: never }, kept: [], killed: true },
  'in its first step, handed back': { does: { one: never }, kept: [], killed: false },
  'backing off from its first step, killed': { does: { one: fails }, kept: [], killed: true },
  'parked before its first step is tried again': { does: { one: fails }, kept: [], killed: false },
  'in its second step, killed': { does: { two: never }, kept: ['one'], killed: true },
  'in its second step, handed back': { does: { two: never }, kept: ['one'], killed: false },
  'parked before its second step is tried again': { does: { two: fails }, kept: ['one'], killed: false },
  'in its third step, killed': { does: { three: never }, kept: ['one', 'two'], killed: true },
  'in its third step, handed back': { does: { three: never }, kept: ['one', 'two'], killed: false },
};

const cases = Object.entries(STATES).flatMap(([state, at]) =>
  Object.entries(CHANGES).map(([change, steps]) => ({ state, change, at, steps })),
);

describe('D6: old code, new code', () => {
  test.each(cases)('$state; $change', async ({ at, change, steps }) => {
    await using stand = openStand();
    const old = code(OLD, at.does);
    const before = await stand.serve([old.task], { ...AS_IN_PRODUCTION, parkAfter: 10_000 });
    const run_at = new Date(stand.clock.now() + 600_000).toISOString();
    const task = await before.submit({ id: 'a', name: 'chain', ...(at.run_at && { run_at }) });
    await stand.pass();
    if (at.killed) await stand.kill(before);
    else await stand.drain(before);

    const fresh = code(steps);
    const service = await stand.serve([fresh.task], AS_IN_PRODUCTION);
    await stand.pass(1_000_000);
    // What was kept is not done again, by whatever name: of what is left, each step once.
    const repeated = fresh.calls.filter((step) => at.kept.includes(step));
    expect(repeated).toEqual([]);
    expect(new Set(fresh.calls).size).toBe(fresh.calls.length);

    const handle = await service.task('a');
    const view = await handle.view();
    if (view.status !== 'blocked') {
      expect(await soFar(task.result())).toMatchObject({ status: 'complete' });
      expect(Object.keys(view.steps).toSorted()).toEqual(Object.keys(steps).toSorted());
      expect(stand.reports).toEqual([]);
      return;
    }
    // A person sees what stood there, what stands there now, and where.
    expect(change).not.toBe('nothing');
    expect(view.error?.code).toBe('blocked');
    expect(view.error?.message).toMatch(/entry \d+/);
    expect(view.error?.message).toMatch(/stood at|is not there|is not armed/);
    expect(stand.reports.map(({ type }) => type)).toEqual(['task.blocked']);

    // With the old code back it goes on …
    await stand.drain(service);
    const again = code(OLD);
    const restored = await stand.serve([again.task], AS_IN_PRODUCTION);
    await stand.pass(100_000);
    expect(await soFar(task.result())).toMatchObject({ status: 'complete' });
    expect(again.calls.filter((step) => at.kept.includes(step))).toEqual([]);
    await stand.drain(restored);
  });

  test.each(
    cases.filter(
      ({ state }) => state.startsWith('in its third') || state.startsWith('parked before its second'),
    ),
  )('begun anew with the new code: $state; $change', async ({ at, steps }) => {
    await using stand = openStand();
    const old = code(OLD, at.does);
    const before = await stand.serve([old.task], { ...AS_IN_PRODUCTION, parkAfter: 10_000 });
    await before.submit({ id: 'a', name: 'chain' });
    await stand.pass();
    if (at.killed) await stand.kill(before);
    else await stand.drain(before);
    const fresh = code(steps);
    const service = await stand.serve([fresh.task], AS_IN_PRODUCTION);
    await stand.pass();
    const handle = await service.task('a');
    if ((await handle.view()).status !== 'blocked') return;
    const restarted = handle.restart({ reason: 'new code' });
    await stand.pass(60_000);
    await restarted;
    expect(await soFar(handle.result())).toMatchObject({ status: 'complete' });
    // What has succeeded under that name is kept, though the chart that kept it is gone.
    expect(fresh.calls.filter((step) => at.kept.includes(step))).toEqual([]);
  });

  test('a context that the new schema would not take is the one that the task goes on with', async () => {
    await using stand = openStand();
    const task = (context: z.ZodType, waits: boolean) =>
      defineTask({ name: 'chain', version: '1', context })
        .step('one', { output: z.string(), run: () => (waits ? (never() as Promise<string>) : 'the one') })
        .build() as unknown as RunnableTask;
    const before = await stand.serve([task(z.object({}), true)], AS_IN_PRODUCTION);
    const handle = await before.submit({ id: 'a', name: 'chain' });
    await stand.pass();
    await stand.drain(before);
    await stand.serve([task(z.object({ cart_id: z.int() }), false)], AS_IN_PRODUCTION);
    await stand.pass();
    expect(await soFar(handle.result())).toMatchObject({ status: 'complete' });
    expect(stand.reports).toEqual([]);
  });
});

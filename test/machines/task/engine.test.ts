import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createActor } from 'xstate';
import { reportOf, type TaskSnapshot } from '../../../machines/task/index.ts';
import { VirtualClock } from '../../virtual-time.ts';
import {
  anyTasks,
  fateOf,
  fatesOf,
  type Made,
  type Observed,
  type RandomStep,
  type RandomTask,
  randomTask,
  succeedingTasks,
} from './random-task.ts';

interface Run extends RandomTask {
  readonly clock: VirtualClock;
  readonly snapshot: TaskSnapshot;
  /** When the task ended. */
  readonly endedAt: number;
  /** How many timers of the engine itself waited then. */
  readonly timersLeft: number;
}

/** Runs a task to its end in virtual time; after every event its context survives JSON. */
async function runOf(steps: readonly RandomStep[], results: Record<string, unknown> = {}): Promise<Run> {
  const clock = new VirtualClock();
  const random = randomTask(steps, clock);
  const input = { id: 'id', context: {}, results };
  const actor = createActor(random.task.machine, { clock, input });
  let endedAt = Number.NaN;
  actor.subscribe({
    next: ({ context }) => expect(JSON.parse(JSON.stringify(context))).toStrictEqual(context),
    complete: () => {
      endedAt = clock.now();
    },
  });
  actor.start();
  await clock.run(() => !Number.isNaN(endedAt));
  const timersLeft = clock.pending - random.lingering();
  const snapshot = actor.getSnapshot();
  // What abandoned effects do later changes nothing.
  await clock.run();
  expect(actor.getSnapshot()).toBe(snapshot);
  return { ...random, clock, snapshot: snapshot as TaskSnapshot, endedAt, timersLeft };
}

const observed = ({ step, attempt, start }: Observed): Observed => ({ step, attempt, start });
const inOrder = (list: readonly Observed[]) =>
  list.map(observed).toSorted((a, b) => a.step.localeCompare(b.step) || a.attempt - b.attempt);
const expectedOf = (steps: readonly RandomStep[]) =>
  [...fatesOf(steps).values()].flatMap(({ attempts }) => attempts);

describe('any task whose steps all succeed', () => {
  test('T1, T2, P2: starts every step the moment it can, each once an attempt', async () => {
    await fc.assert(
      fc.asyncProperty(succeedingTasks, async (steps) => {
        const { made, snapshot, endedAt, checked } = await runOf(steps);
        const fates = fatesOf(steps);
        expect(inOrder(made)).toEqual(inOrder(expectedOf(steps)));
        expect(endedAt).toBe(Math.max(...[...fates.values()].map(({ end }) => end)));
        expect(snapshot.status).toBe('done');
        expect(reportOf(snapshot).status).toBe('complete');
        for (const step of steps) {
          const attempts = fates.get(step.name)?.attempts.length || 1;
          expect(reportOf(snapshot).steps[step.name]).toEqual({ status: 'complete', attempts });
          if (step.attempts.length === 0) expect(checked.get(step.name)).toBe(1);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('gives each step the outputs of what it comes after, and of nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(succeedingTasks, async (steps) => {
        const { made, snapshot } = await runOf(steps);
        const after = new Map(steps.map((step) => [step.name, step.after]));
        for (const { step, given } of made) expect(given).toEqual(after.get(step));
        const followed = new Set(steps.flatMap((step) => step.after));
        const last = steps.map(({ name }) => name).filter((name) => !followed.has(name));
        expect(reportOf(snapshot).output).toEqual(Object.fromEntries(last.map((name) => [name, name])));
      }),
      { numRuns: 50 },
    );
  });

  test('T3, A3: is over when it ends: no signal was aborted, no timer waits', async () => {
    await fc.assert(
      fc.asyncProperty(succeedingTasks, async (steps) => {
        const { made, timersLeft } = await runOf(steps);
        expect(made.filter(({ signal }) => signal.aborted)).toEqual([]);
        expect(timersLeft).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  test('P3: runs no step whose output is given, and no other a moment later than its stage allows', async () => {
    const given = succeedingTasks.chain((steps) => fc.tuple(fc.constant(steps), fc.subarray([...steps])));
    await fc.assert(
      fc.asyncProperty(given, async ([steps, known]) => {
        const names = new Set(known.map(({ name }) => name));
        const { made, checked, snapshot, task } = await runOf(
          steps,
          Object.fromEntries(known.map(({ name }) => [name, name])),
        );
        // Stage after stage, because what is given may lack what it once came from.
        const ends = new Map<string, number>();
        const expected: Observed[] = [];
        let begun = 0;
        for (const stage of task.stages) {
          const inside = steps.filter(({ name }) => stage.includes(name));
          for (let left = inside; left.length > 0; left = left.filter(({ name }) => !ends.has(name))) {
            for (const step of left) {
              if (names.has(step.name)) ends.set(step.name, begun);
              const waits = step.after.map((name) => ends.get(name));
              if (ends.has(step.name) || waits.includes(undefined)) continue;
              const fate = fateOf(step, Math.max(begun, ...waits.map((end) => end ?? 0)));
              ends.set(step.name, fate.end);
              expected.push(...fate.attempts);
            }
          }
          begun = Math.max(...stage.map((name) => ends.get(name) ?? 0));
        }
        expect(inOrder(made)).toEqual(inOrder(expected));
        expect([...checked.keys()].filter((name) => names.has(name))).toEqual([]);
        expect(reportOf(snapshot).status).toBe('complete');
        for (const name of names) {
          expect(reportOf(snapshot).steps[name]).toEqual({ status: 'complete', attempts: 0 });
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('any task', () => {
  /** When the first step goes wrong for good, and which ones do so at that time. */
  const endOf = (steps: readonly RandomStep[]) => {
    const bad = [...fatesOf(steps)].filter(([, { ends }]) => ends !== 'well');
    const at = Math.min(...bad.map(([, { end }]) => end));
    return { at, steps: bad.filter(([, { end }]) => end === at).map(([name]) => name) };
  };

  test('T1, T2, T3: ends when its first step fails; until then it runs what can run, and nothing after', async () => {
    await fc.assert(
      fc.asyncProperty(anyTasks, async (steps) => {
        const { made, snapshot, endedAt } = await runOf(steps);
        const end = endOf(steps);
        expect(snapshot.status).toBe('done');
        if (end.steps.length === 0) {
          expect(inOrder(made)).toEqual(inOrder(expectedOf(steps)));
          expect(reportOf(snapshot).status).toBe('complete');
          return;
        }
        expect(endedAt).toBe(end.at);
        expect(reportOf(snapshot)).toMatchObject({
          status: 'error',
          error: { step: expect.toSatisfy((step: string) => end.steps.includes(step)) },
        });
        // At the very instant of the end, either may come first.
        const early = (list: readonly Observed[]) => inOrder(list.filter(({ start }) => start < end.at));
        expect(early(made)).toEqual(early(expectedOf(steps)));
        expect(made.filter(({ start }) => start > end.at)).toEqual([]);
      }),
      { numRuns: 400 },
    );
  });

  test('T3, A3: aborts what still runs when a step fails, and leaves no timer', async () => {
    await fc.assert(
      fc.asyncProperty(anyTasks, async (steps) => {
        const { made, snapshot, endedAt, timersLeft } = await runOf(steps);
        const ends = new Map(expectedOf(steps).map((one) => [`${one.step} ${one.attempt}`, one.end]));
        const endIn = ({ step, attempt }: Made) => ends.get(`${step} ${attempt}`) ?? Number.POSITIVE_INFINITY;
        for (const one of made) {
          if (endIn(one) > endedAt) expect(one).toMatchObject({ abortedAt: endedAt });
          const { status } = reportOf(snapshot).steps[one.step] ?? {};
          if (status === 'complete') expect(endIn(one)).toBeLessThanOrEqual(endedAt);
        }
        expect(timersLeft).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  test('T4: tells how each step ended and how many attempts it took', async () => {
    await fc.assert(
      fc.asyncProperty(anyTasks, async (steps) => {
        const { made, checked, snapshot, endedAt } = await runOf(steps);
        const { error, steps: reports } = reportOf(snapshot);
        const fates = fatesOf(steps);
        for (const { name, attempts } of steps) {
          const report = reports[name];
          const ran =
            attempts.length > 0 ? made.filter(({ step }) => step === name).length : checked.get(name);
          // An attempt that was to begin as the task ended may have been stopped before its effect was called.
          const unrun = fates.get(name)?.attempts[ran ?? 0]?.start === endedAt ? [1] : [];
          expect([0, ...unrun].map((more) => (ran ?? 0) + more)).toContain(report?.attempts);
          if (error?.step === name)
            expect(report).toMatchObject({ status: 'error', error: { code: error.code } });
          else if (Object.hasOwn(snapshot.context.results, name)) expect(report?.status).toBe('complete');
          else expect(report?.status).toBe(report?.attempts ? 'cancelled' : 'pending');
        }
      }),
      { numRuns: 200 },
    );
  });
});

import fc from 'fast-check';
import { PermanentError, RetryableError } from '../../../machines/step/index.ts';
import type { VirtualClock } from '../../virtual-time.ts';
import { type LooseStep, type LooseTask, looseTask } from './loose-task.ts';
import { type Graph, graphs, shuffled } from './random-graph.ts';

/**
 * Tasks made up at random, of steps whose every attempt is known beforehand: how long it takes and how it ends. What
 * should happen when is computed here from the graph alone, knowing nothing of stages or charts.
 */
export interface Attempt {
  readonly ms: number;
  readonly ends: 'well' | 'retryably' | 'for good' | 'never';
}

export interface RandomStep {
  readonly name: string;
  readonly after: readonly string[];
  /** Of an effect: its attempts; the last repeats. Of a check: none. */
  readonly attempts: readonly Attempt[];
  /** Of a check: whether it finds an issue. */
  readonly rejects: boolean;
  /** Whether the effect stops when its signal says so, or carries on. */
  readonly heeds: boolean;
}

export const TIMEOUT = 100;
export const RETRY = { attempts: 3, baseDelay: 7, maxDelay: 10, jitter: 'none' } as const;

const ms = fc.integer({ min: 0, max: 60 });
const endings = (weights: readonly (readonly [Attempt['ends'], number])[]): fc.Arbitrary<Attempt['ends']> =>
  fc.oneof(...weights.map(([ends, weight]) => ({ arbitrary: fc.constant(ends), weight })));

function steps(
  ends: fc.Arbitrary<Attempt['ends']>,
  rejects: fc.Arbitrary<boolean>,
): fc.Arbitrary<RandomStep[]> {
  const effect = fc.record({
    attempts: fc.array(fc.record({ ms, ends }), { minLength: 1, maxLength: 4 }),
    rejects: fc.constant(false),
    heeds: fc.boolean(),
  });
  const check = fc.record({ attempts: fc.constant([]), rejects, heeds: fc.constant(true) });
  const life = fc.oneof({ arbitrary: effect, weight: 4 }, { arbitrary: check, weight: 1 });
  const lived = (graph: Graph) =>
    fc
      .array(life, { minLength: graph.length, maxLength: graph.length })
      .map((lives) => graph.flatMap((step, place) => (lives[place] ? [{ ...step, ...lives[place] }] : [])));
  return shuffled(graphs(8).chain(lived));
}

/** Tasks of which every step succeeds, some after a retry or two. */
export const succeedingTasks = steps(fc.constant('well'), fc.constant(false)).chain((list) =>
  fc
    .array(fc.integer({ min: 0, max: 2 }), { minLength: list.length, maxLength: list.length })
    .map((failures) =>
      list.map((step, place): RandomStep => {
        const failed = step.attempts
          .slice(0, failures[place])
          .map((one) => ({ ...one, ends: 'retryably' }) as const);
        return step.attempts.length === 0
          ? step
          : { ...step, attempts: [...failed, ...step.attempts.slice(-1)] };
      }),
    ),
);

/** Tasks in which anything may happen. */
export const anyTasks = steps(
  endings([
    ['well', 12],
    ['retryably', 4],
    ['for good', 1],
    ['never', 1],
  ]),
  fc.oneof({ arbitrary: fc.constant(false), weight: 5 }, { arbitrary: fc.constant(true), weight: 1 }),
);

/** One attempt, as it is to be or as it was. */
export interface Observed {
  readonly step: string;
  readonly attempt: number;
  readonly start: number;
}

/** What is to happen to a step: when its attempts begin and end, and how the last one does. */
export interface Fate {
  readonly attempts: readonly (Observed & { readonly end: number })[];
  readonly end: number;
  readonly ends: 'well' | 'failed' | 'rejected';
}

/** The fate of a step that starts at `start`, if nothing stops it. */
export function fateOf(step: RandomStep, start: number): Fate {
  if (step.attempts.length === 0)
    return { attempts: [], end: start, ends: step.rejects ? 'rejected' : 'well' };
  const attempts: Fate['attempts'][number][] = [];
  let begin = start;
  for (let attempt = 1; ; attempt += 1) {
    const { ms, ends } = step.attempts[Math.min(attempt, step.attempts.length) - 1] ?? {
      ms: 0,
      ends: 'well',
    };
    const end = begin + (ends === 'never' ? TIMEOUT : ms);
    attempts.push({ step: step.name, attempt, start: begin, end });
    if (ends === 'well') return { attempts, end, ends };
    if (ends === 'for good' || attempt === RETRY.attempts) return { attempts, end, ends: 'failed' };
    begin = end + Math.min(RETRY.maxDelay, RETRY.baseDelay * 2 ** (attempt - 1));
  }
}

/** The fates of all steps, each starting the moment all that it comes after has succeeded; none where one has not. */
export function fatesOf(steps: readonly RandomStep[]): Map<string, Fate> {
  const fates = new Map<string, Fate>();
  const byName = new Map(steps.map((step) => [step.name, step]));
  const visit = (step: RandomStep): Fate | undefined => {
    const known = fates.get(step.name);
    if (known) return known;
    const before = step.after.map((name) => {
      const other = byName.get(name);
      return other && visit(other);
    });
    if (!before.every((fate) => fate?.ends === 'well')) return undefined;
    const fate = fateOf(step, Math.max(0, ...before.map((each) => each?.end ?? 0)));
    fates.set(step.name, fate);
    return fate;
  };
  for (const step of steps) visit(step);
  return fates;
}

/** An attempt that was made. */
export interface Made extends Observed {
  readonly signal: AbortSignal;
  /** The steps whose outputs it was given. */
  readonly given: readonly string[];
  /** When its signal was aborted. */
  abortedAt?: number;
}

export interface RandomTask {
  readonly task: LooseTask;
  readonly made: Made[];
  /** How often each check was computed. */
  readonly checked: Map<string, number>;
  /** How many effects still wait for their own timers, having been told to stop. */
  readonly lingering: () => number;
}

/** Builds such a task, and writes down what happens to it on `clock`. */
export function randomTask(steps: readonly RandomStep[], clock: VirtualClock): RandomTask {
  const made: Made[] = [];
  const checked = new Map<string, number>();
  const waiting = new Set<number>();

  const wait = (ms: number, signal: AbortSignal, heeds: boolean) =>
    new Promise<void>((resolve, reject) => {
      const timer = clock.setTimeout(() => {
        waiting.delete(timer);
        resolve();
      }, ms);
      waiting.add(timer);
      signal.addEventListener('abort', () => {
        if (!heeds) return;
        waiting.delete(timer);
        clock.clearTimeout(timer);
        reject(signal.reason);
      });
    });

  const effect = (step: RandomStep): LooseStep['run'] => {
    return async ({
      attempt,
      signal,
      results,
    }: {
      attempt: number;
      signal: AbortSignal;
      results: object;
    }) => {
      const one: Made = { step: step.name, attempt, start: clock.now(), signal, given: Object.keys(results) };
      signal.addEventListener('abort', () => {
        one.abortedAt = clock.now();
      });
      made.push(one);
      const { ms, ends } = step.attempts[Math.min(attempt, step.attempts.length) - 1] ?? {
        ms: 0,
        ends: 'well',
      };
      if (ends === 'never') await wait(10 * TIMEOUT, signal, step.heeds);
      else if (ms > 0) await wait(ms, signal, step.heeds);
      if (ends === 'for good') throw new PermanentError(`${step.name} cannot be done.`);
      if (ends === 'retryably') throw new RetryableError(`${step.name} may be done later.`);
      return step.name;
    };
  };

  const check = (step: RandomStep) => () => {
    checked.set(step.name, (checked.get(step.name) ?? 0) + 1);
    return step.rejects
      ? { issues: [{ code: 'bad', message: `${step.name} is bad.` }] }
      : { output: step.name };
  };

  const task = looseTask(
    steps.map((step) => {
      const { name, after } = step;
      return step.attempts.length > 0
        ? { name, after, run: effect(step) }
        : { name, after, issues: { bad: 'it is bad' }, check: check(step) };
    }),
    { timeout: TIMEOUT, retry: RETRY },
  );
  return { task, made, checked, lingering: () => waiting.size };
}

import { beforeEach, describe, expect, test, vi } from 'vitest';
import { createActor } from 'xstate';
import { type EffectArguments, PermanentError } from '../../../machines/step/index.ts';
import { reportOf, type TaskSnapshot } from '../../../machines/task/index.ts';
import { flush, VirtualClock } from '../../virtual-time.ts';
import { type LooseStep, type LooseTask, looseTask } from './loose-task.ts';

type Arguments = EffectArguments<unknown, unknown>;

function startedOn(clock: VirtualClock, task: LooseTask, results: Record<string, unknown> = {}) {
  const actor = createActor(task.machine, { clock, input: { id: 'id', context: null, results } });
  const states: unknown[] = [];
  actor.subscribe(({ value }) => states.push(value));
  actor.start();
  return { actor, states, report: () => reportOf(actor.getSnapshot() as TaskSnapshot) };
}

/** An effect that only ends when its test says so, and what became of its signal. */
function heldEffect() {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const calls: Arguments[] = [];
  const run = (args: Arguments) => {
    calls.push(args);
    return promise;
  };
  return { run, calls, resolve, reject, aborted: () => calls.map(({ signal }) => signal.aborted) };
}

const failing = (clock: VirtualClock, ms: number) => async () => {
  await clock.sleep(ms);
  throw new PermanentError('No.');
};

describe('T3: when a step fails', () => {
  test('its siblings are aborted, and an effect that ignores that does not hold the task up', async () => {
    const clock = new VirtualClock();
    const deaf = heldEffect();
    const task = looseTask([
      { name: 'deaf', run: deaf.run },
      { name: 'bad', run: failing(clock, 50) },
      { name: 'later', after: ['bad'], run: () => expect.fail('A dependent began.') },
    ]);
    const { actor, report } = startedOn(clock, task);
    await clock.advance(49);
    expect([report().status, deaf.aborted()]).toEqual(['running', [false]]);
    await clock.advance(1);
    expect(deaf.calls[0]?.signal).toMatchObject({ aborted: true, reason: { name: 'AbortError' } });
    expect(clock.pending).toBe(0);
    const error = { code: 'permanent', message: 'No.', attempt: 1 };
    expect(report()).toEqual({
      status: 'error',
      steps: {
        deaf: { status: 'cancelled', attempts: 1 },
        bad: { status: 'error', attempts: 1, error },
        later: { status: 'pending', attempts: 0 },
      },
      error: { step: 'bad', ...error },
    });
    const snapshot = actor.getSnapshot();
    deaf.resolve('late');
    await clock.run();
    expect(actor.getSnapshot()).toBe(snapshot);
  });

  test('a sibling that waits for its next attempt makes none', async () => {
    const clock = new VirtualClock();
    let attempts = 0;
    const task = looseTask([
      {
        name: 'flaky',
        retry: { jitter: 'none' },
        run: () => {
          attempts += 1;
          throw new Error('Oh.');
        },
      },
      { name: 'bad', run: failing(clock, 500) },
    ]);
    const { report } = startedOn(clock, task);
    await clock.run();
    expect(clock.now()).toBe(500);
    expect(attempts).toBe(1);
    expect(report().steps.flaky).toMatchObject({
      status: 'cancelled',
      attempts: 1,
      error: { code: 'unexpected' },
    });
  });

  test('and another fails in the same instant, the first is the reason', async () => {
    const clock = new VirtualClock();
    const steps = ['a', 'b', 'c'].map((name) => ({ name, run: failing(clock, 10) }));
    const { report } = startedOn(clock, looseTask(steps));
    await clock.run();
    expect(report()).toMatchObject({
      status: 'error',
      error: { step: 'a' },
      steps: { a: { status: 'error' }, b: { status: 'cancelled' }, c: { status: 'cancelled' } },
    });
  });

  test('for want of an effect, it says how to give it one', async () => {
    const clock = new VirtualClock();
    const { report } = startedOn(clock, looseTask([{ name: 'work' }]));
    await clock.run();
    expect(report().error).toEqual({
      step: 'work',
      code: 'no_effect',
      message: 'Step "work" has no effect; give it one with .provide({ work: … }).',
      attempt: 1,
    });
  });
});

describe('T3: when a check rejects', () => {
  test('what runs beside it is aborted', async () => {
    const clock = new VirtualClock();
    const held = heldEffect();
    const task = looseTask([
      { name: 'work', run: held.run },
      { name: 'first', run: () => clock.sleep(5).then(() => 1) },
      {
        name: 'look',
        after: ['first'],
        issues: { bad: 'it is bad' },
        check: () => ({ issues: [{ code: 'bad', line: 2, message: 'Line 2 is bad.' }] }),
      },
    ]);
    const { report } = startedOn(clock, task);
    await clock.run();
    expect([held.aborted(), clock.now()]).toEqual([[true], 5]);
    const error = { code: 'rejected', message: 'Line 2 is bad.', attempt: 1 };
    const issues = [{ code: 'bad', line: 2, message: 'Line 2 is bad.' }];
    expect(report()).toEqual({
      status: 'error',
      error: { step: 'look', ...error, issues },
      steps: {
        work: { status: 'cancelled', attempts: 1 },
        first: { status: 'complete', attempts: 1 },
        look: { status: 'error', attempts: 1, error },
      },
    });
  });
});

describe('T3: when the task is cancelled', () => {
  // XState warns of events that come to a task that is over.
  beforeEach(() => {
    vi.spyOn(console, 'warn').mockReturnValue();
  });

  test('what runs is aborted, and nothing that comes later changes that', async () => {
    const clock = new VirtualClock();
    const [one, other] = [heldEffect(), heldEffect()];
    const task = looseTask([
      { name: 'one', run: one.run },
      { name: 'other', run: other.run },
      { name: 'last', after: ['one', 'other'], run: () => expect.fail('It began.') },
    ]);
    const { actor, report, states } = startedOn(clock, task);
    await flush();
    actor.send({ type: 'task.cancel', reason: 'too late' });
    expect([one.aborted(), other.aborted(), clock.pending]).toEqual([[true], [true], 0]);
    const seen = states.length;
    one.resolve(1);
    other.reject(new Error('Oh.'));
    actor.send({ type: 'task.cancel', reason: 'again' });
    await clock.run();
    expect(states).toHaveLength(seen);
    const status = 'cancelled';
    expect(report()).toEqual({
      status,
      steps: {
        one: { status, attempts: 1 },
        other: { status, attempts: 1 },
        last: { status: 'pending', attempts: 0 },
      },
      error: { code: 'cancelled', message: 'Cancelled: too late' },
    });
  });

  test('while a step waits for its next attempt, no timer is left', async () => {
    const clock = new VirtualClock();
    const work: LooseStep = { name: 'work', run: () => Promise.reject(new Error('Oh.')) };
    const { actor, report } = startedOn(clock, looseTask([work]));
    await flush();
    expect([report().steps.work?.status, clock.pending]).toEqual(['waiting_for_retry', 1]);
    actor.send({ type: 'task.cancel' });
    expect(clock.pending).toBe(0);
    expect(report().error).toEqual({ code: 'cancelled', message: 'Cancelled' });
  });

  test('after it has succeeded, it has succeeded', async () => {
    const clock = new VirtualClock();
    const { actor, report } = startedOn(clock, looseTask([{ name: 'work', run: () => 1 }]));
    await clock.run();
    actor.send({ type: 'task.cancel' });
    expect(report()).toEqual({
      status: 'complete',
      steps: { work: { status: 'complete', attempts: 1 } },
      output: { work: 1 },
    });
  });
});

test('when its actor is stopped, its effects are told and no timer is left', async () => {
  const clock = new VirtualClock();
  const held = heldEffect();
  const flaky: LooseStep = { name: 'flaky', run: () => Promise.reject(new Error('Oh.')) };
  const { actor } = startedOn(clock, looseTask([{ name: 'work', run: held.run }, flaky]));
  await flush();
  actor.stop();
  expect([held.aborted(), clock.pending]).toEqual([[true], 0]);
});

describe('a task whose results are given', () => {
  const steps: LooseStep[] = [
    { name: 'first', run: () => expect.fail('It ran.') },
    { name: 'second', after: ['first'], run: ({ results }: { results: object }) => ({ saw: results }) },
  ];

  test('goes on where they end, with their outputs', async () => {
    const clock = new VirtualClock();
    const { report } = startedOn(clock, looseTask(steps), { first: null });
    await clock.run();
    expect(report()).toMatchObject({ status: 'complete', output: { second: { saw: { first: null } } } });
  });

  test('is over at once where all of them are', () => {
    const clock = new VirtualClock();
    const { report } = startedOn(clock, looseTask(steps), { first: 1, second: 2 });
    expect(report()).toEqual({
      status: 'complete',
      output: { second: 2 },
      steps: { first: { status: 'complete', attempts: 0 }, second: { status: 'complete', attempts: 0 } },
    });
  });

  test('keeps to its stages: a result given for a later one changes nothing before', async () => {
    const clock = new VirtualClock();
    const task = looseTask([
      { name: 'first', run: () => clock.sleep(10).then(() => 1) },
      { name: 'second', after: ['first'], run: () => expect.fail('It ran.') },
      { name: 'third', after: ['second'], run: () => clock.now() },
    ]);
    const { report } = startedOn(clock, task, { second: 2 });
    expect(report().steps).toMatchObject({
      first: { status: 'running' },
      second: { status: 'complete', attempts: 0 },
    });
    await clock.run();
    expect(report()).toMatchObject({ status: 'complete', output: { third: 10 } });
  });

  test('does not mind results of steps that it has not', async () => {
    const clock = new VirtualClock();
    const { report } = startedOn(clock, looseTask([{ name: 'work', run: () => 1 }]), { gone: 1 });
    await clock.run();
    expect(report()).toMatchObject({ status: 'complete', output: { work: 1 } });
  });
});

test.each(['constructor', 'tostring', 'valueof', 'prototype', 'pending', 'running', 'succeeded', 'failed'])(
  'a step may be named %j, be it provided, given, awaited or missing',
  async (name) => {
    const clock = new VirtualClock();
    const after = (): LooseStep => ({
      name: 'next',
      after: [name],
      run: ({ results }: Arguments) => results,
    });
    const ran = startedOn(
      clock,
      looseTask([{ name, run: () => 1 }, { name: 'beside', run: () => 1 }, after()]),
    );
    const given = startedOn(clock, looseTask([{ name, stage: 'stage' }, after()]), { [name]: 2 });
    const missing = startedOn(clock, looseTask([{ name, stage: 'stage' }, after()]));
    await clock.run();
    expect(ran.report().output).toEqual({ beside: 1, next: { [name]: 1 } });
    expect(given.report().output).toEqual({ next: { [name]: 2 } });
    expect(missing.report().error).toMatchObject({ step: name, code: 'no_effect' });
  },
);

import { describe, expect, test } from 'vitest';
import { createActor } from 'xstate';
import {
  type EffectArguments,
  PermanentError,
  RetryableError,
  type RetryPolicyOptions,
} from '../../../machines/step/index.ts';
import { reportOf, type TaskReport, type TaskSnapshot } from '../../../machines/task/index.ts';
import { VirtualClock } from '../../virtual-time.ts';
import { looseTask } from '../task/loose-task.ts';
import { answeredWith } from './failures.ts';

/** A Tuesday, on the second: HTTP dates know nothing smaller. */
const START = Date.UTC(2026, 6, 28, 12, 0, 0);

interface Tried {
  /** When each attempt began, in ms after the start. */
  readonly times: number[];
  readonly report: () => TaskReport;
  readonly clock: VirtualClock;
}

interface Options {
  readonly retry?: RetryPolicyOptions;
  readonly ofTask?: RetryPolicyOptions;
  readonly random?: number;
}

/** Runs a task of one step in virtual time. */
function tried(effect: (attempt: number, clock: VirtualClock) => unknown, options: Options = {}): Tried {
  const { retry, ofTask, random = 0 } = options;
  const clock = new VirtualClock(START);
  const times: number[] = [];
  const task = looseTask([{ name: 'work', ...(retry && { retry }) }], ofTask && { retry: ofTask });
  const run = ({ attempt }: EffectArguments<unknown, unknown>) => {
    times.push(clock.now() - START);
    return effect(attempt, clock);
  };
  const { machine } = task.provide({ work: run }, { random: () => random });
  const actor = createActor(machine, { clock, input: { id: 'id', context: null } });
  actor.start();
  return { times, clock, report: () => reportOf(actor.getSnapshot() as TaskSnapshot) };
}

const fail = () => {
  throw new Error('Oh.');
};
const askFor = (header: string) => (attempt: number) => {
  if (attempt > 1) return 'made';
  throw answeredWith(429, { headers: { 'retry-after': header } });
};

describe('Retry-After of 2 s', () => {
  const inTwoSeconds = new Date(START + 2_000);
  test.each([
    ['as seconds', '2'],
    ['as a date', inTwoSeconds.toUTCString()],
    ['as a date of RFC 850', 'Tuesday, 28-Jul-26 12:00:02 GMT'],
    ['as a date of asctime', 'Tue Jul 28 12:00:02 2026'],
  ])('%s: no attempt is made before it is over', async (_, header) => {
    const { times, clock, report } = tried(askFor(header));
    await clock.advance(1_999);
    expect(times).toEqual([0]);
    expect(report()).toMatchObject({
      status: 'running',
      steps: {
        work: { status: 'waiting_for_retry', attempts: 1, error: { code: 'http_429', delay: 2_000 } },
      },
    });
    await clock.advance(1);
    expect(times).toEqual([0, 2_000]);
    expect(report()).toMatchObject({
      status: 'complete',
      steps: { work: { status: 'complete', attempts: 2 } },
    });
    expect(report().steps.work).not.toHaveProperty('error');
  });

  test('is spread by up to one base delay', async () => {
    const { times, clock } = tried(askFor('2'), { random: 0.999, retry: { baseDelay: 400 } });
    await clock.run();
    expect(times).toEqual([0, 2_400]);
  });

  test('is not cut by the cap, and goes before backoff', async () => {
    const { times, clock } = tried(askFor('2'), { retry: { baseDelay: 100, maxDelay: 100, jitter: 'none' } });
    await clock.run();
    expect(times).toEqual([0, 2_000]);
  });

  test('that the policy does not grant fails the step, and says so', async () => {
    const { times, clock, report } = tried(askFor('2'), { retry: { maxRetryAfter: 1_999 } });
    await clock.run();
    expect(times).toEqual([0]);
    expect(report().error).toMatchObject({
      step: 'work',
      code: 'retry_after_too_long',
      message: expect.stringContaining(
        'Retry-After asks for 2000 ms, more than maxRetryAfter allows (1999 ms).',
      ),
    });
  });

  test.each(['soon', '-2', ''])('of %j is ignored: the policy says how long', async (header) => {
    const { times, clock } = tried(askFor(header));
    await clock.run();
    expect(times).toEqual([0, 500]);
  });

  test.each([new Date(START - 5_000).toUTCString(), '0'])('of %j means now', async (header) => {
    const { times, clock } = tried(askFor(header));
    await clock.run();
    expect(times).toEqual([0, 0]);
  });
});

describe('attempts', () => {
  test('are three unless told otherwise, and each failure is told', async () => {
    const { times, clock, report } = tried(fail);
    await clock.run();
    expect(times).toEqual([0, 500, 1_500]);
    const error = { code: 'unexpected', message: 'Oh.', attempt: 3 };
    expect(report()).toEqual({
      status: 'error',
      steps: { work: { status: 'error', attempts: 3, error: { ...error, delay: 2_000 } } },
      error: { step: 'work', ...error },
    });
  });

  test('are as many as the step says, over what the task says', async () => {
    const none = { jitter: 'none' } as const;
    const both = tried(fail, { retry: { attempts: 2 }, ofTask: { attempts: 5, baseDelay: 100, ...none } });
    const task = tried(fail, { ofTask: { attempts: 4, baseDelay: 100, maxDelay: 200, ...none } });
    const one = tried(fail, { retry: { attempts: 1 } });
    for (const { clock } of [both, task, one]) await clock.run();
    expect([both.times, task.times, one.times]).toEqual([[0, 100], [0, 100, 300, 500], [0]]);
  });

  test('without limit go on until one succeeds', async () => {
    const retry = { attempts: 'unlimited', baseDelay: 1, maxDelay: 1_000, jitter: 'none' } as const;
    const { times, clock, report } = tried((attempt) => (attempt < 60 ? fail() : 'made'), { retry });
    await clock.run();
    expect(times).toHaveLength(60);
    expect(report().steps.work).toEqual({ status: 'complete', attempts: 60 });
  });

  test('without limit end at a permanent failure', async () => {
    const refuse = () => {
      throw new PermanentError('No.', { code: 'declined' });
    };
    const { times, clock, report } = tried((attempt) => (attempt < 5 ? fail() : refuse()), {
      retry: { attempts: 'unlimited', baseDelay: 0 },
    });
    await clock.run();
    expect(times).toEqual([0, 0, 0, 0, 0]);
    expect(report().error).toEqual({ step: 'work', code: 'declined', message: 'No.', attempt: 5 });
  });

  test('follow at once where backoff is off', async () => {
    const { times, clock } = tried(fail, { retry: { baseDelay: 0 } });
    await clock.run();
    expect(times).toEqual([0, 0, 0]);
  });

  test('without limit and without backoff have a delay that is JSON, however many', async () => {
    const retry = { attempts: 'unlimited', baseDelay: 0 } as const;
    const { clock, report } = tried((attempt) => (attempt < 1_100 ? fail() : 'made'), { retry });
    await clock.run();
    expect(report().steps.work).toEqual({ status: 'complete', attempts: 1_100 });
  });

  test('each have a timeout of their own, 30 s unless told otherwise', async () => {
    const { times, clock, report } = tried(() => new Promise(() => {}));
    await clock.run();
    expect(times).toEqual([0, 30_500, 61_500]);
    expect(report().error).toMatchObject({ code: 'timeout', attempt: 3 });
  });

  test('wait as long as the effect says, where it does', async () => {
    const { times, clock } = tried((attempt) => {
      if (attempt === 1) throw new RetryableError('Later.', { retryAfter: 60_000 });
      return 'made';
    });
    await clock.run();
    expect(times).toEqual([0, 60_000]);
  });
});

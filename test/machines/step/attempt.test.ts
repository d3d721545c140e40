import { describe, expect, test, vi } from 'vitest';
import { createActor, toPromise } from 'xstate';
import { z } from 'zod';
import {
  type AttemptInput,
  attemptOf,
  type Effect,
  type EffectArguments,
  type Failure,
  retryPolicy,
} from '../../../machines/step/index.ts';
import { flush, VirtualClock } from '../../virtual-time.ts';

const TIMEOUT = 500;
const input: AttemptInput = { id: 'id', context: { a: 1 }, results: { b: 2 }, key: 'id/work', attempt: 2 };
type Arguments = EffectArguments<unknown, unknown>;

interface Made {
  readonly clock: VirtualClock;
  readonly actor: ReturnType<typeof createActor<ReturnType<typeof attemptOf>>>;
  /** How it settled, once it did. */
  readonly settled: { output?: unknown; error?: Failure };
  /** How often a random number was drawn. */
  readonly drawn: () => number;
}

/** Makes one attempt of an effect. */
function attempt(
  effect: (args: Arguments, clock: VirtualClock) => unknown,
  output: z.ZodType = z.json(),
): Made {
  const clock = new VirtualClock(1_000_000);
  let drawn = 0;
  const random = () => {
    drawn += 1;
    return 0.5;
  };
  const rules = { name: 'work', output, retry: retryPolicy(), timeout: TIMEOUT };
  const run: Effect<unknown, unknown, unknown> = (args) => effect(args, clock);
  const actor = createActor(attemptOf(rules, run, random), { clock, input });
  const settled: Made['settled'] = {};
  toPromise(actor).then(
    (result) => Object.assign(settled, { output: result }),
    (error: unknown) => Object.assign(settled, { error }),
  );
  actor.start();
  return { clock, actor, settled, drawn: () => drawn };
}

describe('A1: an attempt settles once', () => {
  test('with what the effect gave, as its schema parses it', async () => {
    const { clock, settled, drawn } = attempt(
      () => ({ n: '7', extra: 1 }),
      z.object({ n: z.coerce.number() }),
    );
    await clock.run();
    expect(settled).toEqual({ output: { n: 7 } });
    expect(drawn()).toBe(0);
  });

  test('with what a schema gives that takes its time', async () => {
    const { clock, settled } = attempt(
      () => 2,
      z.number().transform(async (n) => n + 1),
    );
    await clock.run();
    expect(settled).toEqual({ output: 3 });
  });

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('Oh.');
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('Oh.');
      },
    ],
    ['rejects at once', () => Promise.reject(new Error('Oh.'))],
  ])('with a failure, where the effect %s', async (_, effect) => {
    const { clock, settled } = attempt(effect);
    await clock.run();
    expect(settled).toEqual({ error: { code: 'unexpected', message: 'Oh.', attempt: 2, delay: 1_500 } });
  });

  test('with a failure for good, where the effect gave what its schema does not take', async () => {
    const { clock, settled } = attempt(() => ({ n: 'x' }), z.object({ n: z.number() }));
    await clock.run();
    expect(settled.error).toMatchObject({ code: 'invalid_data', issues: [{ path: 'n' }] });
    expect(settled.error).not.toHaveProperty('delay');
  });

  test.each<[string, unknown, string]>([
    ['a Date', { at: new Date(0) }, '.at is an instance of Date'],
    ['an undefined property', { at: undefined }, '.at is undefined'],
    ['a BigInt', [1n], '[0] is a BigInt'],
    ['NaN', Number.NaN, ' is NaN'],
    ['a class', new (class Cart {})(), ' is an instance of Cart'],
  ])('with a failure for good, where the output is not JSON: %s', async (_, output, message) => {
    const { clock, settled } = attempt(() => output, z.unknown());
    await clock.run();
    expect(settled.error).toMatchObject({
      code: 'not_json',
      message: expect.stringContaining(`steps.work.output${message}`),
    });
    expect(settled.error).not.toHaveProperty('delay');
  });

  test('with nothing, where the step gives nothing', async () => {
    const { clock, settled } = attempt(() => {}, z.void());
    await clock.run();
    expect(settled).toEqual({ output: undefined });
  });

  test('with a failure, where a schema that takes its time rejects, and nothing else hears of it', async () => {
    const { clock, settled } = attempt(
      () => 'a',
      z.string().transform(async () => {
        throw new Error('Oh.');
      }),
    );
    await clock.run();
    expect(settled.error).toMatchObject({ message: 'Oh.' });
  });

  test('and hands the effect what it needs', async () => {
    const effect = vi.fn<(args: Arguments) => null>(() => null);
    const { clock } = attempt(effect);
    await clock.run();
    expect(effect).toHaveBeenCalledExactlyOnceWith({ ...input, signal: expect.any(AbortSignal) }, clock);
    expect(effect.mock.calls[0]?.[0].signal.aborted).toBe(false);
  });
});

describe('A2: it settles at its timeout', () => {
  const timedOut = {
    code: 'timeout',
    message: 'Attempt 2 of step "work" took longer than its timeout of 500 ms.',
    attempt: 2,
    delay: 1_500,
  };

  test('and tells the effect so by its signal', async () => {
    const reasons: unknown[] = [];
    const { clock, settled } = attempt(
      ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason);
            reject(signal.reason);
          });
        }),
    );
    await clock.advance(TIMEOUT - 1);
    expect([settled, reasons]).toEqual([{}, []]);
    await clock.advance(1);
    expect(settled).toEqual({ error: timedOut });
    expect(reasons).toEqual([expect.objectContaining({ name: 'RetryableError', code: 'timeout' })]);
  });

  test.each<[string, (clock: VirtualClock) => Promise<unknown>]>([
    ['never ends', () => new Promise(() => {})],
    ['succeeds later', (clock) => clock.sleep(2 * TIMEOUT)],
    ['fails later', (clock) => clock.sleep(2 * TIMEOUT).then(() => Promise.reject(new Error('Late.')))],
    ['ends in the same instant', (clock) => clock.sleep(TIMEOUT)],
  ])('even if the effect ignores its signal and %s', async (_, effect) => {
    const { clock, settled, drawn, actor } = attempt((_, clock) => effect(clock));
    await clock.advance(TIMEOUT);
    expect(settled).toEqual({ error: timedOut });
    const snapshot = actor.getSnapshot();
    await clock.run();
    expect(settled).toEqual({ error: timedOut });
    expect(actor.getSnapshot()).toBe(snapshot);
    expect(drawn()).toBe(1);
  });

  test('but not one that ends a moment before', async () => {
    const { clock, settled } = attempt((_, clock) => clock.sleep(TIMEOUT - 1).then(() => 'in time'));
    await clock.run();
    expect(settled).toEqual({ output: 'in time' });
  });
});

describe('A3: it lives by the clock of its actor system and leaves no timer', () => {
  test.each<[string, (args: Arguments, clock: VirtualClock) => unknown]>([
    ['succeeded', () => 1],
    [
      'threw',
      () => {
        throw new Error('Oh.');
      },
    ],
    ['gave wrong data', () => () => 1],
    ['timed out', () => new Promise(() => {})],
    ['took its time', (_, clock) => clock.sleep(10).then(() => 1)],
  ])('when it %s', async (_, effect) => {
    const { clock } = attempt(effect);
    await flush();
    await clock.advance(TIMEOUT);
    expect(clock.pending).toBe(0);
  });

  test('when it is stopped; then its signal says so and nothing is heard of it', async () => {
    let signal: AbortSignal | undefined;
    let rejected = false;
    const { clock, actor, settled, drawn } = attempt((args) => {
      signal = args.signal;
      return new Promise((_, reject) => {
        args.signal.addEventListener('abort', () => {
          rejected = true;
          reject(args.signal.reason);
        });
      });
    });
    await clock.advance(100);
    actor.stop();
    expect(signal).toMatchObject({ aborted: true, reason: { name: 'AbortError' } });
    await clock.advance(2 * TIMEOUT);
    expect({ rejected, pending: clock.pending, output: settled.output, drawn: drawn() }).toEqual({
      rejected: true,
      pending: 0,
      output: undefined,
      drawn: 0,
    });
    expect(actor.getSnapshot().status).toBe('stopped');
  });

  test('and reads from it what a date in Retry-After is measured by', async () => {
    const { clock, settled } = attempt((_, clock) => {
      const headers = { 'retry-after': new Date(clock.now() + 4_000).toUTCString() };
      throw Object.assign(new Error('Busy.'), { response: { status: 503, headers } });
    });
    await clock.run();
    expect(settled.error).toMatchObject({ code: 'http_503', delay: 4_500 });
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failureOf } from '../../../machines/step/failure.ts';
import { PermanentError, retryPolicy } from '../../../machines/step/index.ts';
import { failed } from './failures.ts';

describe('F1: nothing is thrown on', () => {
  const hostile = (key: string) =>
    Object.defineProperty(new Error('Oh.'), key, { get: () => expect.fail('read') });
  const cyclic = new Error('Oh.');
  cyclic.cause = new Error('Inner.', { cause: cyclic });
  const knot: { self?: unknown } = {};
  knot.self = knot;
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const nested = new AggregateError([]);
  nested.errors = [nested, nested, nested, nested, nested];

  test.each<[string, unknown]>([
    ['a message that throws', hostile('message')],
    ['a name that throws', hostile('name')],
    ['a cause that throws', hostile('cause')],
    ['a response that throws', hostile('response')],
    ['a code that throws', hostile('code')],
    ['a cycle of causes', cyclic],
    ['a knot', knot],
    ['a revoked proxy', revoked.proxy],
    ['errors within themselves', nested],
    ['an object without prototype', Object.create(null)],
    ['a message that is no text', Object.assign(new Error(), { message: { a: 1 } })],
    [
      'a name that is no text',
      Object.assign(new Error('Oh.'), { name: 7, cause: Object.assign(new Error(), { name: {} }) }),
    ],
    [
      'an endless chain of causes',
      Array.from({ length: 10_000 }).reduce((cause) => new Error('Oh.', { cause })),
    ],
  ])('%s', (_, thrown) => {
    const failure = failed(thrown);
    expect(failure).toMatchObject({ delay: 1_000, message: expect.stringMatching(/./) });
    expect(JSON.parse(JSON.stringify(failure))).toStrictEqual(failure);
    expect(JSON.stringify(failure).length).toBeLessThan(2_000);
  });

  test('a huge message is cut', () => {
    const { message, cause } = failed(
      new Error('x '.repeat(1_000_000), { cause: new Error('y'.repeat(1_000_000)) }),
    );
    expect(message).toHaveLength(2_001);
    expect(cause?.message).toBe(`${'y'.repeat(2_000)}…`);
  });

  test('F2: whatever is thrown becomes JSON, with a delay of the policy or none', () => {
    fc.assert(
      fc.property(
        fc.anything({ withDate: true, withMap: true, withNullPrototype: true }),
        fc.nat(20),
        (thrown, n) => {
          const failure = failureOf(thrown, {
            attempt: n + 1,
            retry: retryPolicy(),
            now: 0,
            random: Math.random,
          });
          expect(JSON.parse(JSON.stringify(failure))).toStrictEqual(failure);
          expect(failure.attempt).toBe(n + 1);
          if (failure.delay !== undefined) expect(failure.delay).toBeLessThanOrEqual(30_000);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test.each<[string, () => unknown]>([
    ['throws', () => expect.fail('No number.')],
    ['gives NaN', () => Number.NaN],
    ['gives text', () => '0.1'],
    ['gives too much', () => 7],
  ])('a random source that %s loses nothing: it counts as 0.5', (_, random) => {
    const at = { attempt: 1, retry: retryPolicy(), now: 0, random: random as () => number };
    expect(failureOf(new Error('Oh.'), at)).toEqual({
      code: 'unexpected',
      message: 'Oh.',
      attempt: 1,
      delay: 750,
    });
    expect(failureOf(hostile('message'), at).delay).toBe(750);
  });

  test('F2: the delay is drawn once', () => {
    let drawn = 0;
    const random = () => {
      drawn += 1;
      return 0.5;
    };
    const at = { attempt: 2, retry: retryPolicy(), now: 0, random };
    expect(failureOf(new Error('Oh.'), at).delay).toBe(1_500);
    expect(failureOf(new PermanentError('No.'), at).delay).toBeUndefined();
    expect(drawn).toBe(1);
  });
});

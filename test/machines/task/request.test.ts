import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { DefinitionError, defineTask, parseRequest, RequestError } from '../../../machines/task/index.ts';

function refusal(parse: () => unknown): RequestError {
  try {
    parse();
  } catch (error) {
    if (error instanceof RequestError) return error;
    throw error;
  }
  throw new Error('It was accepted.');
}

const seed = {
  name: 'order',
  context: { cart_id: 1 },
  initiator: 'user',
  reason: 'Process order',
  source_system: 'web',
};

describe('a request', () => {
  test('of the seed is taken as it is', () => {
    expect(parseRequest({ ...seed, tags: ['demo'] })).toEqual({ ...seed, tags: ['demo'] });
  });

  test('needs a name only; the rest has defaults', () => {
    expect(parseRequest({ name: 'order' })).toEqual({
      name: 'order',
      context: {},
      initiator: 'unknown',
      reason: 'unknown',
      source_system: 'unknown',
      tags: [],
    });
  });

  test('may have an id and times', () => {
    const full = {
      ...seed,
      tags: [],
      id: 'Order_1-a',
      requested_at: '2026-07-28T12:00:00Z',
      run_at: '2026-07-28T14:00:00.5+02:00',
    };
    expect(parseRequest(full)).toEqual(full);
  });

  test.each<[object, string, RegExp]>([
    [{ name: 'Order' }, 'name', /expected a lower-case letter.*\(it is "Order"\)/],
    [{ name: undefined }, 'name', /expected string, received undefined/],
    [{ name: 7 }, 'name', /expected string.*\(it is 7\)/],
    [{ context: 1 }, 'context', /expected record.*\(it is 1\)/],
    [{ context: null }, 'context', /expected record.*\(it is null\)/],
    [{ context: [] }, 'context', /expected record/],
    [
      { context: { at: new Date() } },
      'context.at',
      /^is an instance of Date; .* Send its toISOString\(\)\.$/,
    ],
    [{ context: { n: Number.NaN } }, 'context.n', /^is NaN; JSON has no NaN/],
    [{ context: { none: undefined } }, 'context.none', /^is undefined; /],
    [{ context: new Map() }, 'context', /^is an instance of Map; /],
    [{ initiator: 5 }, 'initiator', /expected string.*\(it is 5\)/],
    [{ reason: false }, 'reason', /expected string.*\(it is false\)/],
    [{ source_system: {} }, 'source_system', /expected string/],
    [{ tags: 'demo' }, 'tags', /expected array.*\(it is "demo"\)/],
    [{ tags: ['a', 1] }, 'tags[1]', /expected string.*\(it is 1\)/],
    [{ id: '' }, 'id', /expected 1 to 128 of A-Z.*\(it is ""\)/],
    [{ id: 'a.b' }, 'id', /\(it is "a\.b"\)/],
    [{ id: 'a'.repeat(129) }, 'id', /\(it is "a{79}…\)/],
    [{ requested_at: 'today' }, 'requested_at', /ISO datetime \(it is "today"\)/],
    [{ run_at: '2026-07-28' }, 'run_at', /\(it is "2026-07-28"\)/],
    [{ run_at: 1 }, 'run_at', /\(it is 1\)/],
    [{ bypass: ['a'] }, 'bypass', /no such field is known/],
    [{ 'odd key': 7 }, 'odd key', /no such field is known \(it is 7\)/],
  ])('with %j is refused by the field', (change, path, message) => {
    const error = refusal(() => parseRequest({ ...seed, ...change }));
    expect(error.issues).toEqual([{ path, message: expect.stringMatching(message) }]);
    expect(error.message).toContain(`${path}: `);
  });

  test('with a cyclic context is refused', () => {
    const cyclic: { again?: unknown } = {};
    cyclic.again = { inside: cyclic };
    const { issues, task } = refusal(() => parseRequest({ ...seed, context: cyclic }));
    expect(issues).toEqual([{ path: 'context.again.inside', message: expect.stringMatching(/no cycles/) }]);
    expect(task).toBe('order');
  });

  test('with a context of 5,000 levels is refused, one of 999 is not', () => {
    const nested = (depth: number) => {
      let context = {};
      for (let level = 1; level < depth; level += 1) context = { a: context };
      return { ...seed, context };
    };
    const { issues } = refusal(() => parseRequest(nested(5_000)));
    expect(issues).toEqual([
      { path: expect.stringMatching(/^context(\.a)+\.…$/), message: expect.stringMatching(/1000 levels/) },
    ]);
    expect(parseRequest(nested(999)).name).toBe('order');
  });

  test('is told what else is wrong beside a context that is not JSON', () => {
    const { issues } = refusal(() => parseRequest({ ...seed, name: 7, context: { n: 1n }, tags: 'demo' }));
    expect(issues.map(({ path }) => path)).toEqual(['context.n', 'name', 'tags']);
  });

  test('tells everything that is wrong at once', () => {
    const error = refusal(() =>
      parseRequest({ name: 'order', initiator: 1, tags: [2], colour: 'red', size: 3 }),
    );
    expect(error).toMatchObject({ name: 'RequestError', task: 'order' });
    expect(error.issues.map(({ path }) => path)).toEqual(['initiator', 'tags[0]', 'colour', 'size']);
    expect(error.message).toMatch(/^The request for task "order" is refused: initiator: /);
  });

  test.each([null, undefined, 'order', 7, [], () => {}])('is no %j', (request) => {
    const error = refusal(() => parseRequest(request));
    expect(error.task).toBeUndefined();
    expect(error.issues).toEqual([{ path: '', message: expect.stringMatching(/expected object/) }]);
    expect(error.message).toMatch(/^The request is refused: Invalid input/);
  });

  test('that is wrong ten thousand times is told fifty of them, and how many more there are', () => {
    const error = refusal(() => parseRequest({ ...seed, tags: Array.from({ length: 10_000 }, () => 1) }));
    expect(error.issues).toHaveLength(51);
    expect(error.issues.at(-1)).toEqual({ path: '', message: '… and 9950 issues more' });
  });
});

describe('the context of a request', () => {
  const order = defineTask({
    name: 'order',
    version: '1',
    context: z.object({
      cart_id: z.coerce.number<number | string>().int(),
      items: z.array(z.string()).default([]),
    }),
  })
    .step('fetch_cart', { output: z.json() })
    .build();

  test('is parsed by its task', () => {
    expect(order.parseContext({ cart_id: '7', more: 1 })).toEqual({ cart_id: 7, items: [] });
  });

  test.each<[unknown, string, RegExp]>([
    [{}, 'context.cart_id', /expected number, received (undefined|NaN)/],
    [{ cart_id: 'x' }, 'context.cart_id', /expected number.*\(it is ("x"|NaN)\)/],
    [{ cart_id: 1.5 }, 'context.cart_id', /expected int.*\(it is 1\.5\)/],
    [{ cart_id: 1, items: ['a', 2] }, 'context.items[1]', /expected string.*\(it is 2\)/],
    [null, 'context', /expected object.*\(it is null\)/],
  ])('%j is refused by the field', (context, path, message) => {
    const error = refusal(() => order.parseContext(context));
    expect(error).toMatchObject({
      task: 'order',
      issues: [{ path, message: expect.stringMatching(message) }],
    });
  });
});

test('an asynchronous context schema is a mistake in code, and said to be one', () => {
  const context = z.object({ cart_id: z.number().refine(async () => true) });
  const task = defineTask({ name: 'task', version: '1', context }).step('a', { output: z.json() }).build();
  expect(() => task.parseContext({ cart_id: 1 })).toThrow(DefinitionError);
  expect(() => task.parseContext({ cart_id: 1 })).toThrow(/its context schema is asynchronous/);
});

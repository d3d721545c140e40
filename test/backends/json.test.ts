import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assertJson, DEEPEST_JSON } from '../../machines/json.ts';
import { NotJsonError } from '../../machines/not-json-error.ts';

function refusal(value: unknown): NotJsonError | undefined {
  try {
    assertJson(value, 'body');
    return undefined;
  } catch (error) {
    if (error instanceof NotJsonError) return error;
    throw error;
  }
}

const nested = (depth: number, kind: (inner: unknown) => unknown): unknown => {
  let value: unknown = 'core';
  for (let level = 0; level < depth; level++) value = kind(value);
  return value;
};

describe('assertJson', () => {
  it('takes whatever JSON.parse can give', () => {
    fc.assert(fc.property(fc.json(), (text) => refusal(JSON.parse(text)) === undefined));
  });

  it('takes nothing that JSON would change', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
    });
    fc.assert(
      fc.property(anything, (value) => {
        if (refusal(value)) return;
        const text = JSON.stringify(value, (_, part) => (Object.is(part, -0) ? 0 : part));
        const normal = JSON.parse(text, (_, part) => part);
        expect(isDeepStrictEqual(JSON.parse(JSON.stringify(value)), normal)).toBe(true);
        expect(JSON.stringify(normal)).toBe(JSON.stringify(value));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    [
      { items: [1, 2, { price: Number.NaN }] },
      'body.items[2].price is NaN; JSON has no NaN. Send null or leave it out.',
    ],
    [undefined, 'body is undefined; JSON has no undefined. Leave it out, or send null.'],
    [{ a: undefined }, 'body.a is undefined; JSON has no undefined. Leave it out, or send null.'],
    [new Array(1), 'body[0] is undefined; JSON has no undefined. Leave it out, or send null.'],
    [{ 'a "b"': { 0: 1n } }, 'body["a \\"b\\""]["0"] is a BigInt; JSON has no BigInt. Send it as a string.'],
    [
      { at: new Date(0) },
      'body.at is an instance of Date; JSON keeps plain objects and arrays only. Send its toISOString().',
    ],
    [
      [new Error('x')],
      'body[0] is an instance of Error; JSON keeps plain objects and arrays only. Send its data as a plain object.',
    ],
    [
      Object.create({ constructor: 1, __proto__: {} }),
      'body is no plain object; JSON keeps plain objects and arrays only. Send its data as a plain object.',
    ],
    [{ toJSON: () => 1 }, 'body.toJSON is a function; JSON has no functions. Leave it out.'],
    [{ a: { [Symbol('s')]: 1 } }, 'body.a has the key Symbol(s); JSON has no symbols. Leave it out.'],
  ])('names the culprit in %o', (value, message) => {
    expect(refusal(value)?.message).toBe(message);
  });

  it('names where a cycle closes, and takes a value that comes twice', () => {
    const order: Record<string, unknown> = { lines: [{}] };
    (order.lines as Record<string, unknown>[])[0] = { order };
    expect(refusal({ order })?.message).toBe(
      'body.order.lines[0].order refers back to a value that contains it; JSON has no cycles. Send an id.',
    );
    const shared = { a: 1 };
    expect(refusal([shared, shared])).toBeUndefined();
  });

  it.each([
    ['arrays', (inner: unknown) => [inner]],
    ['objects', (inner: unknown) => ({ a: inner })],
  ])('takes %s as deep as the limit, and refuses deeper ones without running out of stack', (_, kind) => {
    expect(refusal(nested(DEEPEST_JSON, kind))).toBeUndefined();
    const error = refusal(nested(DEEPEST_JSON + 1, kind));
    expect(error?.message).toMatch(/… is nested deeper than 1000 levels, the limit\. Flatten it\.$/);
    expect(refusal(nested(1_000_000, kind))?.message).toBe(error?.message);
  });

  it('is not misled by a polluted prototype, nor by one of no or another realm', () => {
    expect(refusal(Object.assign(Object.create(null), { a: 1 }))).toBeUndefined();
    const prototype = Object.prototype as { polluted?: unknown };
    prototype.polluted = () => 1;
    try {
      expect(refusal({ a: { b: [] } })).toBeUndefined();
    } finally {
      delete prototype.polluted;
    }
  });
});

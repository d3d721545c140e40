import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type FaultLevel,
  failureKinds,
  faultLevels,
  planFault,
  type Rows,
} from '../../../src/shop/demo/index.ts';

const names = fc.stringMatching(/^[A-Za-z0-9_-]{1,24}$/);
const steps = fc.record({
  seed: fc.integer(),
  step: fc.tuple(names, fc.stringMatching(/^[a-z][a-z0-9_-]{0,16}$/)).map((parts) => parts.join('/')),
  level: fc.constantFrom<FaultLevel>(...faultLevels),
});
/** A collection cut into pages of any sizes. */
const pages = fc
  .tuple(
    fc.integer({ min: 1, max: 200 }),
    fc.uniqueArray(fc.integer({ min: 1, max: 199 }), { maxLength: 12 }),
  )
  .map(([total, cuts]) => {
    const bounds = [0, ...cuts.filter((cut) => cut < total).sort((one, other) => one - other), total];
    return bounds.slice(0, -1).map((from, page): Rows => ({ from, to: bounds[page + 1] ?? total, total }));
  });

const isFailure = (question: Parameters<typeof planFault>[0]) => {
  const fault = planFault(question);
  return fault !== undefined && fault.kind !== 'slow';
};

test('F1: the same question has the same answer', () => {
  fc.assert(
    fc.property(steps, pages, fc.integer({ min: 1, max: 5 }), ({ seed, step, level }, [rows], asked) => {
      const question = { seed, key: `${step}/skip=0`, asked, level, ...(rows && { rows }) };
      expect(planFault(question)).toEqual(planFault(structuredClone(question)));
    }),
  );
});

test('F1: the answers are the same in every release', () => {
  const plan = [1, 2, 3].map((asked) => planFault({ seed: 1, key: 't1/fetch_cart', asked, level: 'many' }));
  expect(plan).toMatchInlineSnapshot(`
    [
      {
        "kind": "hang",
      },
      {
        "kind": "truncated",
      },
      undefined,
    ]
  `);
});

describe('F2, F3: at most two failures a step, all on one key', () => {
  test('however its pages are cut and asked for', () => {
    const asks = fc.array(fc.nat(), { maxLength: 60 });
    fc.assert(
      fc.property(steps, pages, asks, ({ seed, step, level }, cut, sequence) => {
        const asked = new Map<string, number>();
        const failed: string[] = [];
        for (const drawn of sequence) {
          const rows = cut[drawn % cut.length];
          if (rows === undefined) continue;
          const key = `${step}/skip=${rows.from}`;
          asked.set(key, (asked.get(key) ?? 0) + 1);
          if (isFailure({ seed, key, asked: asked.get(key) ?? 0, level, rows })) failed.push(key);
        }
        expect(failed.length).toBeLessThanOrEqual(2);
        expect(new Set(failed).size).toBeLessThanOrEqual(1);
      }),
      { numRuns: 2_000 },
    );
  });

  test('the third attempt of a step comes through, whole or page by page', () => {
    fc.assert(
      fc.property(steps, pages, fc.integer({ min: 3, max: 9 }), ({ seed, step, level }, cut, asked) => {
        expect(isFailure({ seed, key: step, asked, level })).toBe(false);
        for (const rows of cut) {
          expect(isFailure({ seed, key: `${step}/skip=${rows.from}`, asked, level, rows })).toBe(false);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('a page fails exactly where the step would have failed as a whole', () => {
    fc.assert(
      fc.property(steps, pages, ({ seed, step, level }, cut) => {
        const whole = isFailure({ seed, key: step, asked: 1, level });
        const failing = cut.filter(({ from, ...rest }) =>
          isFailure({ seed, key: `${step}/skip=${from}`, asked: 1, level, rows: { from, ...rest } }),
        );
        expect(failing).toHaveLength(whole ? 1 : 0);
      }),
    );
  });

  test('one of several requests that are no pages never fails: its siblings are not known', () => {
    fc.assert(
      fc.property(steps, names, ({ seed, step, level }, request) => {
        expect(isFailure({ seed, key: `${step}/${request}`, asked: 1, level })).toBe(false);
      }),
    );
  });

  test('every page fails for some task', () => {
    const failing = new Set<number>();
    for (let task = 0; task < 500; task++) {
      for (const from of [0, 30, 60]) {
        const rows = { from, to: Math.min(from + 30, 72), total: 72 };
        const key = `t${task}/fetch_products/skip=${from}`;
        if (isFailure({ seed: 1, key, asked: 1, level: 'some', rows })) failing.add(from);
      }
    }
    expect(failing).toEqual(new Set([0, 30, 60]));
  });
});

describe('how much fails', () => {
  const keys = Array.from({ length: 3_000 }, (_, task) => `order-${task}/fetch_cart`);
  const plans = (level: FaultLevel, asked = 1) =>
    keys.map((key) => planFault({ seed: 7, key, asked, level }));
  const share = (level: FaultLevel, asked?: number) =>
    plans(level, asked).filter((fault) => fault && fault.kind !== 'slow').length / keys.length;

  test('F4: none at none, not even slowness', () => {
    expect(plans('none').filter(Boolean)).toEqual([]);
  });

  test('a third of the steps at some, nearly all at many, half of them twice', () => {
    expect(share('some')).toBeGreaterThan(0.29);
    expect(share('some')).toBeLessThan(0.38);
    expect(share('many')).toBeGreaterThan(0.92);
    expect(share('many')).toBeLessThan(0.98);
    expect(share('many', 2) / share('many')).toBeGreaterThan(0.45);
    expect(share('many', 2) / share('many')).toBeLessThan(0.55);
  });

  test('what fails at some fails at many, in the same way', () => {
    const many = plans('many');
    for (const [index, fault] of plans('some').entries()) {
      if (fault && fault.kind !== 'slow') expect(many[index]).toEqual(fault);
    }
  });

  test('every kind occurs, and slow answers take 150 to 400 ms', () => {
    const faults = [...plans('some'), ...plans('some', 2), ...plans('some', 3)].filter(
      (fault) => fault !== undefined,
    );
    expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set([...failureKinds, 'slow']));
    for (const fault of faults) {
      if (fault.kind !== 'slow') continue;
      expect(fault.delay).toBeGreaterThanOrEqual(150);
      expect(fault.delay).toBeLessThanOrEqual(400);
    }
  });

  test('another seed makes others fail', () => {
    const failing = (seed: number) =>
      keys.filter((key) => planFault({ seed, key, asked: 1, level: 'some' })?.kind !== undefined);
    expect(failing(1)).not.toEqual(failing(2));
  });
});

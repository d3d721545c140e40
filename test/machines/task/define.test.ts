import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { DefinitionError, defineTask } from '../../../machines/task/index.ts';
import { type LooseStep, looseTask } from './loose-task.ts';

const run = () => null;
const check = () => ({ output: null });
const issues = { bad: 'it is bad' };

/** The error of a definition that is refused. */
function refusal(define: () => unknown): DefinitionError {
  try {
    define();
  } catch (error) {
    if (error instanceof DefinitionError) return error;
    throw error;
  }
  throw new Error('The definition was accepted.');
}

const refusalOf = (steps: readonly LooseStep[], options?: object) => refusal(() => looseTask(steps, options));
const step = (name: string, ...after: string[]): LooseStep => ({ name, after, run });

describe('G1: a graph that passes has no unknown name, no duplicate and no cycle', () => {
  test('an unknown dependency is refused, naming both steps and those there are', () => {
    const error = refusalOf([step('fetch_cart'), step('validate', 'fetch_card')]);
    expect(error).toMatchObject({
      name: 'DefinitionError',
      task: 'task',
      steps: ['validate', 'fetch_card'],
      message:
        'Task "task": step "validate" comes after "fetch_card", which is no step of it; its steps are "fetch_cart", "validate".',
    });
  });

  test.each([
    ['itself', [step('a', 'a')], 'a → a'],
    ['each other', [step('a', 'b'), step('b', 'a')], 'a → b → a'],
    ['in a ring', [step('a', 'b'), step('b', 'c'), step('c', 'a')], 'a → b → c → a'],
    [
      'in a ring beside a tree',
      [step('root'), step('d', 'root', 'a'), step('a', 'root', 'b'), step('b', 'c'), step('c', 'a')],
      'a → b → c → a',
    ],
  ])('steps that wait for %s are refused, and the cycle is printed', (_, steps, cycle) => {
    const error = refusalOf(steps);
    expect(error.message).toContain(`in a cycle: ${cycle},`);
    expect(error.steps).toEqual(cycle.split(' → ').slice(0, -1));
  });

  test('a name that is taken is refused', () => {
    expect(refusalOf([step('a'), step('b'), step('a')])).toMatchObject({
      steps: ['a'],
      message: 'Task "task": two steps are named "a"; names must differ.',
    });
  });

  test('a dependency that is named twice is refused', () => {
    expect(refusalOf([step('a'), step('b', 'a', 'a')]).message).toContain('step "b" names "a" twice');
  });

  test('a task without steps is refused', () => {
    expect(refusalOf([])).toMatchObject({ steps: [], message: expect.stringContaining('has no steps') });
  });

  test.each([
    ['diamond', [step('a'), step('b', 'a'), step('c', 'a'), step('d', 'b', 'c')], [['a'], ['b', 'c'], ['d']]],
    ['tree', [step('a'), step('b', 'a'), step('c', 'a'), step('d', 'b')], [['a'], ['b', 'c', 'd']]],
    ['forest', [step('a'), step('b'), step('c', 'a')], [['a', 'b', 'c']]],
    ['steps in any order of writing', [step('c', 'b'), step('b', 'a'), step('a')], [['a'], ['b'], ['c']]],
  ])('a %s is accepted', (_, steps, stages) => {
    expect(looseTask(steps).stages).toEqual(stages);
  });
});

describe('names', () => {
  test.each(['', 'A', 'fetchCart', '1st', 'a b', 'a.b', 'ä', '_a', '-a', `a${'b'.repeat(64)}`, 'a\n'])(
    'a step cannot be named %j',
    (name) => {
      const { message } = refusalOf([step('fine'), { name, run }]);
      expect(message).toContain(`${name || '(a step)'}.name: expected a lower-case letter`);
      expect(message).toContain(`(it is ${JSON.stringify(name)})`);
    },
  );

  test.each(['', 'Order', 'a.b', '1'])('a task cannot be named %j', (name) => {
    expect(refusalOf([step('a')], { name }).message).toContain(
      `name: expected a lower-case letter, then up to 63 of a-z, 0-9, "_" and "-" (it is ${JSON.stringify(name)})`,
    );
  });

  test('a task needs a version', () => {
    expect(refusalOf([step('a')], { version: '' }).message).toMatch(/version: Too small.*\(it is ""\)/);
  });

  test.each(['a', 'a-1_b', `a${'b'.repeat(63)}`, 'constructor', 'tostring', 'failed', 'pending'])(
    'a step of several may be named %j',
    (name) => {
      expect(looseTask([step(name), step('beside')]).steps.map((each) => each.name)).toEqual([
        name,
        'beside',
      ]);
    },
  );
});

describe('options out of range are refused by field, value and expectation', () => {
  test.each<[string, object, RegExp]>([
    ['timeout', { timeout: 0 }, /a\.timeout: .*>=1 \(it is 0\)/],
    ['timeout', { timeout: 2 ** 31 }, /a\.timeout: .*<=2147483647 \(it is 2147483648\)/],
    ['timeout', { timeout: 1.5 }, /a\.timeout: .*expected int.*\(it is 1.5\)/],
    ['timeout', { timeout: '1s' }, /a\.timeout: .*expected number.*\(it is "1s"\)/],
    [
      'attempts',
      { retry: { attempts: 0 } },
      /a\.retry\.attempts: expected a whole number of at least 1, or "unlimited" \(it is 0\)/,
    ],
    ['attempts', { retry: { attempts: 'ever' } }, /a\.retry\.attempts: expected .* \(it is "ever"\)/],
    ['attempts', { retry: { attempts: Number.NaN } }, /a\.retry\.attempts: expected .* \(it is NaN\)/],
    ['baseDelay', { retry: { baseDelay: -1 } }, /a\.retry\.baseDelay: .*>=0 \(it is -1\)/],
    [
      'maxDelay',
      { retry: { maxDelay: Number.POSITIVE_INFINITY } },
      /a\.retry\.maxDelay: .*\(it is Infinity\)/,
    ],
    ['jitter', { retry: { jitter: 'some' } }, /a\.retry\.jitter: .*"equal"\|"full"\|"none" \(it is "some"\)/],
    [
      'maxRetryAfter',
      { retry: { maxRetryAfter: 2 ** 31 } },
      /a\.retry\.maxRetryAfter: .*\(it is 2147483648\)/,
    ],
    ['an unknown one', { rettry: 3 }, /a\.rettry: no such field is known \(it is 3\)/],
    [
      'an unknown one of retry',
      { retry: { tries: 3 } },
      /a\.retry\.tries: no such field is known \(it is 3\)/,
    ],
    ['stage', { stage: 'Fetching' }, /a\.stage: expected a lower-case letter.*\(it is "Fetching"\)/],
    ['after', { after: 'b' }, /a\.after: .*expected array.*\(it is "b"\)/],
    ['output', { output: undefined }, /a\.output: expected a zod schema/],
    ['output', { output: { parse: run } }, /a\.output: expected a zod schema/],
    ['run', { run: 'work' }, /a\.run: expected a function \(it is "work"\)/],
    ['issues', { check, run: undefined, issues: { 'Not Good': 'x' } }, /a\.issues/],
  ])('%s: %j', (_, options, message) => {
    const error = refusalOf([{ name: 'a', run, ...options }]);
    expect(error.message).toMatch(message);
    expect(error.steps).toEqual(['a']);
  });

  test.each<[object, RegExp]>([
    [{ timeout: -1 }, /timeout: .*\(it is -1\)/],
    [{ retry: { attempts: 1.5 } }, /retry\.attempts: expected a whole number.*\(it is 1.5\)/],
    [{ colour: 'red' }, /colour: no such field is known \(it is "red"\)/],
  ])("of a task's own: %j", (options, message) => {
    expect(refusalOf([step('a')], options).message).toMatch(message);
  });

  test.each<[string, object, RegExp]>([
    ['is missing', { context: undefined }, /definition is wrong: context: expected a zod schema/],
    ['is a text', { context: 'x' }, /context: expected a zod schema \(it is "x"\)/],
    ['is an object', { context: { cart_id: z.number() } }, /context: expected a zod schema/],
  ])('of a task whose context %s', (_, options, message) => {
    expect(refusalOf([step('a')], options).message).toMatch(message);
  });

  test.each([
    [undefined, 'undefined'],
    [null, 'null'],
    ['order', 'string'],
  ])('of a task whose options are %j', (options, what) => {
    expect(refusal(() => defineTask(options as never)).message).toContain(
      `defineTask takes an object of options; it was given ${what}.`,
    );
  });

  test.each<[unknown, RegExp]>([
    [null, /build: .*expected object/],
    [5, /build: .*\(it is 5\)/],
    [{ output: 5 }, /build\.output: expected a function \(it is 5\)/],
    [{ ouput: run }, /build\.ouput: no such field is known/],
  ])('of build: %j', (options, message) => {
    const begun = defineTask({ name: 'task', version: '1', context: z.unknown() });
    const error = refusal(() => begun.step('a', { output: z.null() }).build(options as never));
    expect(error).toMatchObject({ task: 'task', message: expect.stringMatching(message) });
  });

  test.each([null, undefined, 5, []])('of provide, effects: %j', (effects) => {
    const task = looseTask([step('a')]);
    expect(refusal(() => task.provide(effects as never)).message).toMatch(
      /the effects that provide is given are to be an object; they are (null|undefined|number|an array)\./,
    );
  });

  test.each<[unknown, string]>([
    [{ random: 5 }, 'random is to be a function; it is number.'],
    [{ random: null }, 'random is to be a function; it is null.'],
    [null, 'the options that provide is given are to be an object; they are null.'],
  ])('of provide: %j', (options, message) => {
    const task = looseTask([step('a')]);
    expect(refusal(() => task.provide({}, options as never)).message).toBe(`Task "task": ${message}`);
  });

  test('all that is wrong is told at once', () => {
    const { message } = refusalOf([{ name: 'a', run, timeout: 0, stage: 'X', retry: { jitter: 1 } }]);
    expect(message).toMatch(/a\.timeout: .*; .*a\.stage: |a\.stage: .*; .*a\.timeout: /);
    expect(message).toContain('a.retry.jitter');
  });
});

describe('effects and checks', () => {
  test.each<[string, LooseStep, string]>([
    ['both', { name: 'a', run, check, issues }, 'step "a" has both "run" and "check"'],
    ['a check without issues', { name: 'a', check }, 'check "a" declares no "issues"'],
    ['a check with no issue at all', { name: 'a', check, issues: {} }, 'check "a" declares no "issues"'],
    ['issues without a check', { name: 'a', run, issues }, 'step "a" declares "issues" but has no "check"'],
    ['a check that is retried', { name: 'a', check, issues, retry: {} }, 'check "a" has a "retry"'],
    ['a check that is timed', { name: 'a', check, issues, timeout: 5 }, 'check "a" has a "timeout"'],
  ])('%s is refused', (_, given, message) => {
    expect(refusalOf([given])).toMatchObject({ steps: ['a'], message: expect.stringContaining(message) });
  });

  test('an effect that is provided for no step is refused, naming the steps that take one', () => {
    const task = looseTask([step('a'), { name: 'b', check, issues }]);
    const message = 'an effect is provided for "aa", which is none of its steps with an effect: "a".';
    expect(refusal(() => task.provide({ aa: run }))).toMatchObject({
      steps: ['aa'],
      message: `Task "task": ${message}`,
    });
    expect(refusal(() => task.provide({ b: run })).steps).toEqual(['b']);
    expect(refusal(() => task.provide({ constructor: run })).steps).toEqual(['constructor']);
  });

  test.each([null, undefined, 'run', {}])('%j is no effect', (effect) => {
    expect(refusal(() => looseTask([step('a')]).provide({ a: effect })).message).toContain(
      'the effect of "a" is to be a function',
    );
  });
});

describe('stages', () => {
  test('are named after their steps, or as their steps say', () => {
    const task = looseTask([
      { ...step('a'), stage: 'fetching' },
      step('b'),
      step('c', 'a', 'b'),
      step('d', 'c'),
      step('e', 'c'),
      { ...step('f', 'd', 'e'), stage: 'ending' },
    ]);
    expect(Object.keys(task.machine.states)).toEqual([
      'fetching',
      'c',
      'd_and_e',
      'ending',
      'succeeded',
      'failed',
      'rejected',
      'cancelled',
    ]);
  });

  test('steps of one stage cannot name it differently', () => {
    const error = refusalOf([{ ...step('a'), stage: 'x' }, step('b'), { ...step('c'), stage: 'y' }]);
    expect(error.steps).toEqual(['a', 'c']);
    expect(error.message).toContain('run in one stage but name it differently: "x" and "y"');
  });

  test('two stages cannot have one name', () => {
    const error = refusalOf([
      { ...step('a'), stage: 'x' },
      { ...step('b', 'a'), stage: 'x' },
    ]);
    expect(error.steps).toEqual(['b', 'a']);
    expect(error.message).toContain('the stage of b cannot be named "x": so is the stage of a.');
  });

  test.each(['succeeded', 'failed', 'rejected', 'cancelled'])('none can be named "%s"', (name) => {
    expect(refusalOf([{ ...step('a'), stage: name }]).message).toContain('in which every task ends');
    expect(refusalOf([step(name)]).message).toContain('Give "stage" another name');
    expect(looseTask([{ ...step(name), stage: 'x' }]).stages).toEqual([[name]]);
  });
});

test('a definition tells its steps in order of writing, without functions', () => {
  const task = looseTask([{ ...step('b', 'a'), description: 'Comes second.' }, step('a')], {
    description: 'Two steps.',
  });
  expect(task).toMatchObject({ name: 'task', version: '1', description: 'Two steps.' });
  expect(task.steps).toEqual([
    { name: 'b', kind: 'effect', after: ['a'], description: 'Comes second.' },
    { name: 'a', kind: 'effect', after: [], description: undefined },
  ]);
});

test('a builder is not changed by adding to it: two tasks may begin alike', () => {
  const start = defineTask({ name: 'task', version: '1', context: z.unknown() }).step('a', {
    output: z.null(),
    run,
  });
  start.step('b', { output: z.null(), run });
  expect(start.build().steps.map(({ name }) => name)).toEqual(['a']);
});

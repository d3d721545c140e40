import { describe, expect, test } from 'vitest';
import { type AnyMachineSnapshot, type AnyStateNode, transition } from 'xstate';
import { STATUS_OF_STATE, type StepStatus, stepTag } from '../../../machines/status.ts';
import type { TaskContext } from '../../../machines/step/index.ts';
import { reportOf } from '../../../machines/task/index.ts';
import { nodesOf, type Walk, walks } from '../chart-walk.ts';
import { type LooseStep, looseTask } from './loose-task.ts';

/** A task with everything a chart may have: a stage of several steps, a dependency and a check in it, single stages. */
const steps: readonly (LooseStep & { readonly after: readonly string[] })[] = [
  { name: 'left', after: [] },
  { name: 'right', after: [] },
  { name: 'next', after: ['left'] },
  {
    name: 'look',
    after: ['right'],
    issues: { bad: 'it is bad' },
    check: ({ context }: { context: object }) => context,
  },
  { name: 'last', after: ['next', 'look'], description: 'Ends it.' },
];
const LIMIT = 2;
const { machine, stages } = looseTask(steps, { retry: { attempts: LIMIT } });
const words: Readonly<Record<string, StepStatus>> = STATUS_OF_STATE;
const wordFor = (state: string): StepStatus => words[state] ?? expect.unreachable(`no word for ${state}`);
const ENDS = ['succeeded', 'failed', 'rejected', 'cancelled'];

const walk = (context: object, results: object = {}) => walks(machine, { id: 'id', context, results });
const passing = walk({ output: 'fine' });
const rejecting = walk({ issues: [{ code: 'bad', message: 'It is bad.' }] });
const failing = walk({});
const given = walk({ output: 'fine' }, { left: 'known', last: 'known' });
const all = [...passing, ...rejecting, ...failing, ...given];
const states = all.map(({ state }) => state);

const isEnd = (state: AnyMachineSnapshot) => ENDS.includes(String(state.value));
const contextOf = (state: AnyMachineSnapshot) => state.context as TaskContext;
const has = (state: AnyMachineSnapshot, step: string, status: StepStatus) =>
  state.tags.has(stepTag(step, status));
/** The innermost nodes of a state that belong to a step. */
const leavesOf = (state: AnyMachineSnapshot): [string, AnyStateNode][] =>
  state._nodes.flatMap((node: AnyStateNode): [string, AnyStateNode][] =>
    Object.keys(node.states).length === 0 && node.parent?.meta?.step
      ? [[String(node.parent.meta.step), node]]
      : [],
  );

test('there is more than a few states to look at', () => {
  expect(stages).toEqual([['left', 'right', 'next', 'look'], ['last']]);
  expect(new Set(states.map(({ value }) => JSON.stringify(value))).size).toBeGreaterThan(15);
  expect(all.length).toBeGreaterThan(60);
});

test('no state of the chart is out of reach', () => {
  const seen = new Set(
    all.flatMap(({ passed }) => passed.flatMap(({ _nodes }) => _nodes.map(({ id }) => id))),
  );
  expect(
    nodesOf(machine)
      .map(({ id }) => id)
      .filter((id) => !seen.has(id)),
  ).toEqual([]);
});

test('every state says what it is for', () => {
  const silent = nodesOf(machine).filter((node) => node !== machine.root && !node.description);
  expect(silent.map(({ id }) => id)).toEqual([]);
});

test('every state of a step carries the word that the table has for it', () => {
  const leaves = nodesOf(machine).filter(({ parent, type }) => parent?.meta?.step && type !== 'compound');
  expect(leaves.length).toBeGreaterThan(20);
  for (const { key, tags, parent } of leaves) {
    expect(tags).toEqual([stepTag(String(parent?.meta?.step), wordFor(key))]);
  }
  const ends = nodesOf(machine).filter(({ key, parent }) => parent === machine.root && ENDS.includes(key));
  expect(ends.map(({ tags }) => tags)).toEqual(ENDS.map((end) => [wordFor(end)]));
});

describe.each<[string, Walk[]]>([
  ['where the check passes', passing],
  ['where the check rejects', rejecting],
  ['where the check goes wrong', failing],
  ['where results are given', given],
])('in every state that can be reached, %s', (_, walked) => {
  test('T1, P1: what has begun came after nothing unfinished', () => {
    for (const { state, words } of walked) {
      for (const { name, after } of steps) {
        const { results, steps: records } = contextOf(state);
        const begun = (records[name]?.attempts ?? 0) > 0;
        if (begun)
          expect([words, after.filter((other) => !Object.hasOwn(results, other))]).toEqual([words, []]);
      }
    }
  });

  test('T2: what waits has something to wait for', () => {
    for (const { state, words } of walked) {
      for (const { name, after } of steps.filter((step) => has(state, step.name, 'pending'))) {
        const missing = after.filter((other) => !Object.hasOwn(contextOf(state).results, other));
        expect([words, name, missing]).not.toEqual([words, name, []]);
      }
    }
  });

  test('P2, P3: attempts stay within their limit, and a step whose output is given makes none', () => {
    for (const { state } of walked) {
      for (const { name } of steps) {
        const attempts = contextOf(state).steps[name]?.attempts ?? 0;
        expect(attempts).toBeLessThanOrEqual(LIMIT);
        if (walked === given && ['left', 'last'].includes(name)) expect(attempts).toBe(0);
      }
    }
  });

  test('T3: a task that is over rests in one of four ends, and says how it came to be there', () => {
    for (const { state, words } of walked) {
      expect([words, state.status]).toEqual([words, isEnd(state) ? 'done' : 'active']);
      const report = reportOf(state);
      if (!isEnd(state)) {
        expect(report).toMatchObject({ status: 'running' });
        expect(report).not.toHaveProperty('error');
        continue;
      }
      const word = wordFor(String(state.value));
      expect([...state.tags]).toEqual([word]);
      expect(report.status).toBe(word);
      expect(state.output).toEqual(
        word === 'complete'
          ? { status: word, output: { last: contextOf(state).results.last } }
          : { status: word, error: contextOf(state).error },
      );
      expect(report.error?.code).toBe(
        { succeeded: undefined, rejected: 'rejected', cancelled: 'cancelled', failed: report.error?.code }[
          String(state.value)
        ],
      );
    }
  });

  test('T3: every failure names its step, and no step after one begins', () => {
    for (const { state, words } of walked.filter(({ state }) => state.value === 'failed')) {
      const last = words.split(', ').at(-1) ?? '';
      const { step, code } = contextOf(state).error ?? {};
      expect([words, step]).toEqual([
        words,
        walked === failing && step === 'look' ? 'look' : last.split(' ')[0],
      ]);
      expect(code).toBe(step === 'look' ? 'invalid_check' : last.split(' ')[1]);
    }
  });

  test('T4: tags tell of each step in reach how it stands, in one word, and the report says the same', () => {
    for (const { state } of walked) {
      const leaves = leavesOf(state);
      if (isEnd(state)) expect(leaves).toEqual([]);
      for (const [step, { key }] of leaves) {
        const tags = [...state.tags].filter((tag) => tag.startsWith(`${step}:`));
        expect(tags).toEqual([stepTag(step, wordFor(key))]);
        expect(stepTag(step, reportOf(state).steps[step]?.status ?? 'pending')).toBe(tags[0]);
      }
    }
  });

  test('T3: cancelling ends the task, with nothing left running', () => {
    for (const { state } of walked.filter((each) => !isEnd(each.state))) {
      const [after] = transition(machine, state as never, { type: 'task.cancel', reason: 'enough' });
      expect(after).toMatchObject({ value: 'cancelled', status: 'done', children: {} });
      const error = { code: 'cancelled', message: 'Cancelled: enough' };
      expect(reportOf(after)).toMatchObject({ status: 'cancelled', error });
      expect(after.output).toEqual({ status: 'cancelled', error });
    }
  });

  test('T4: the context is JSON', () => {
    for (const { state } of walked) {
      expect(JSON.parse(JSON.stringify(state.context))).toStrictEqual(state.context);
    }
  });
});

test('paths end where they should', () => {
  const endOf = (walked: readonly Walk[], words: string) => {
    const found = walked.find((each) => each.words === words);
    return found && [found.state.value, found.state.context.error?.step];
  };
  expect(endOf(passing, 'left done, right done, next done, last done')).toEqual(['succeeded', undefined]);
  expect(endOf(passing, 'left done, right done, next done, last broken')).toEqual(['failed', 'last']);
  expect(endOf(passing, 'left flaky, left after, left flaky')).toEqual(['failed', 'left']);
  expect(endOf(passing, 'right broken')).toEqual(['failed', 'right']);
  expect(endOf(rejecting, 'right done')).toEqual(['rejected', 'look']);
  expect(endOf(failing, 'right done')).toEqual(['failed', 'look']);
  expect(endOf(given, 'next done, right done') ?? endOf(given, 'right done, next done')).toEqual([
    'succeeded',
    undefined,
  ]);
});

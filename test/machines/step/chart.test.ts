import { describe, expect, test } from 'vitest';
import { initialTransition, transition } from 'xstate';
import { z } from 'zod';
import { reportOf } from '../../../machines/task/index.ts';
import { ALL_ENDS, FLAKY, nodesOf, type Walk, walks } from '../chart-walk.ts';
import { looseTask } from '../task/loose-task.ts';

const input = (context: unknown = {}, results: object = {}) => ({ id: 'id', context, results });

/** A path in a line: what happened, where that led, and what is said of the step and of the task. */
function told({ words, state }: Walk, step: string): string {
  const report = reportOf(state);
  const one = report.steps[step];
  const where = typeof state.value === 'string' ? state.value : Object.values(state.value).join();
  return `${words || '(start)'} → ${where}: ${one?.status} after ${one?.attempts}, task ${report.status}`;
}

const lines = (walked: readonly Walk[], step: string) => walked.map((walk) => told(walk, step)).toSorted();

/** Each state that was seen, also those that were left at once. */
const seenIn = (walked: readonly Walk[]) =>
  new Set(walked.flatMap(({ passed }) => passed.flatMap(({ _nodes }) => _nodes.map(({ id }) => id))));

describe('the chart of a step with an effect, every path', () => {
  const { machine } = looseTask([{ name: 'work', retry: { attempts: 2 } }]);
  const walked = walks(machine, input(), { kind: 'simple' });

  test('P2: each entry of running is an attempt, and each path ends as its last attempt did', () => {
    expect(lines(walked, 'work')).toEqual([
      '(start) → running: running after 1, task running',
      'cancel → cancelled: cancelled after 1, task cancelled',
      'work broken → failed: error after 1, task error',
      'work done → succeeded: complete after 1, task complete',
      'work flaky → backingOff: waiting_for_retry after 1, task running',
      'work flaky, cancel → cancelled: cancelled after 1, task cancelled',
      'work flaky, work after → running: running after 2, task running',
      'work flaky, work after, cancel → cancelled: cancelled after 2, task cancelled',
      'work flaky, work after, work broken → failed: error after 2, task error',
      'work flaky, work after, work done → succeeded: complete after 2, task complete',
      'work flaky, work after, work flaky → failed: error after 2, task error',
    ]);
  });

  test('P3: a step whose output is given is over before it begins', () => {
    const given = walks(machine, input({}, { work: 'known' }));
    expect(lines(given, 'work')).toEqual(['(start) → succeeded: complete after 0, task complete']);
    expect([...seenIn(given)].filter((id) => id.includes('running'))).toEqual([]);
    expect(given.map(({ state }) => state.output)).toEqual([
      { status: 'complete', output: { work: 'known' } },
    ]);
  });

  test('no state is out of reach', () => {
    const ends = new Set(['task.rejected']); // no step here is a check
    const all = nodesOf(machine).map(({ id }) => id);
    expect(all.filter((id) => !seenIn(walked).has(id) && !ends.has(id))).toEqual([]);
  });

  test('unlimited attempts are cut by nothing but a permanent failure', () => {
    const { machine } = looseTask([{ name: 'work', retry: { attempts: 'unlimited' } }]);
    let [state] = initialTransition(machine, input());
    for (let attempt = 1; attempt <= 50; attempt += 1) {
      expect(reportOf(state)).toMatchObject({ steps: { work: { status: 'running', attempts: attempt } } });
      const failed = { type: 'xstate.error.actor.work', error: { ...FLAKY, attempt } };
      [state] = transition(machine, state, failed as never);
      expect(reportOf(state).steps.work?.status).toBe('waiting_for_retry');
      const waits = state._nodes.flatMap((node) => node.after.map(({ eventType }) => eventType));
      [state] = transition(machine, state, { type: waits[0] } as never);
    }
    const broken = { type: 'xstate.error.actor.work', error: { code: 'broken', message: '', attempt: 51 } };
    [state] = transition(machine, state, broken as never);
    expect(reportOf(state).status).toBe('error');
  });

  test('what another logic rejects with fails the step for good, whatever it is', () => {
    const cyclic: { self?: unknown } = {};
    cyclic.self = cyclic;
    const rejections = {
      error: new Error('Oh.'),
      text: 'Oh.',
      nothing: undefined,
      null: null,
      cyclic,
      odd: { code: 1 },
    };
    const ends = Object.fromEntries(Object.entries(rejections).map(([word, error]) => [word, { error }]));
    const flaky = { ...ends, flaky: ALL_ENDS.flaky ?? { output: null } };
    const ended = walks(machine, input(), { ends: flaky, kind: 'simple' }).filter(
      ({ words, state }) => state.value === 'failed' && !words.endsWith('flaky'),
    );
    expect(ended).toHaveLength(2 * Object.keys(rejections).length);
    for (const { words, state } of ended) {
      const attempts = words.includes('after') ? 2 : 1;
      expect(reportOf(state)).toMatchObject({
        error: { step: 'work', code: 'unexpected', attempt: attempts, message: expect.stringMatching(/./) },
        steps: { work: { status: 'error', attempts } },
      });
    }
  });
});

describe('the chart of a check, every path', () => {
  const found = (...codes: string[]) => ({
    issues: codes.map((code) => ({ code, message: `It is ${code}.` })),
  });
  const task = looseTask([
    {
      name: 'look',
      issues: { dirty: 'it is dirty', broken: 'it is broken' },
      check: ({ context }: { context: () => unknown }) => context(),
    },
  ]);
  const { machine } = task;
  const walked = (verdict: () => unknown) => walks(machine, input(verdict));

  test.each<[string, () => unknown, string]>([
    ['an output', () => ({ output: 1 }), 'succeeded: complete after 1, task complete'],
    [
      'an output and no issue',
      () => ({ output: 1, issues: [] }),
      'succeeded: complete after 1, task complete',
    ],
    ['an issue', () => found('dirty'), 'rejected: error after 1, task error'],
    [
      'an output beside an issue',
      () => ({ output: 1, ...found('dirty') }),
      'rejected: error after 1, task error',
    ],
    ['several issues', () => found('broken', 'dirty', 'broken'), 'rejected: error after 1, task error'],
    ['an issue it does not declare', () => found('dirty', 'dirtyy'), 'failed: error after 1, task error'],
    ['an issue named as a method is', () => found('toString'), 'failed: error after 1, task error'],
    ['neither', () => ({}), 'failed: error after 1, task error'],
    ['nothing', () => undefined, 'failed: error after 1, task error'],
    ['no issue', () => ({ issues: [] }), 'failed: error after 1, task error'],
    ['a promise', async () => ({ output: 1 }), 'failed: error after 1, task error'],
    ['a wrong output', () => ({ output: () => 1 }), 'failed: error after 1, task error'],
  ])('gives %s', (_, verdict, end) => {
    expect(lines(walked(verdict), 'look')).toEqual([`(start) → ${end}`]);
  });

  test.each([new Error('Oh.'), 'Oh.', undefined, Object.create(null)])('throws, and fails: %j', (thrown) => {
    const ended = walked(() => {
      throw thrown;
    });
    expect(lines(ended, 'look')).toEqual(['(start) → failed: error after 1, task error']);
    const error = {
      step: 'look',
      code: 'invalid_check',
      message: expect.stringContaining('Check "look" threw: '),
    };
    expect(ended[0] && reportOf(ended[0].state)).toMatchObject({
      error,
      steps: { look: { error: { code: error.code } } },
    });
  });

  test('a promise is refused and not left to itself', () => {
    const [ended] = walked(() => Promise.reject(new Error('Oh.')));
    expect(ended && reportOf(ended.state).error).toEqual({
      step: 'look',
      code: 'invalid_check',
      message: 'Check "look" gave a promise; a check is synchronous. Make it an effect.',
      attempt: 1,
    });
  });

  test('an output that is not JSON fails the step', () => {
    const { machine } = looseTask([
      {
        name: 'look',
        output: z.unknown(),
        issues: { bad: 'bad' },
        check: () => ({ output: { at: new Date(0) } }),
      },
    ]);
    const [ended] = walks(machine, input());
    expect(ended && reportOf(ended.state).error).toMatchObject({
      code: 'not_json',
      message: expect.stringMatching(/^steps\.look\.output\.at is an instance of Date; /),
    });
  });

  test('of more than 1,000 issues the last that is kept counts the rest', () => {
    const kept = (count: number) => {
      const issues = Array.from({ length: count }, (_, n) => ({
        code: n < 999 ? 'dirty' : 'broken',
        message: `${n}`,
      }));
      const [ended] = walked(() => ({ issues }));
      return ended && reportOf(ended.state).error;
    };
    expect(kept(1_000)?.issues?.at(-1)).toEqual({ code: 'broken', message: '999' });
    const error = kept(5_000);
    expect(error?.issues).toHaveLength(1_000);
    expect(error?.issues?.at(-1)).toEqual({ code: 'broken', message: '… and 4001 issues more' });
    expect(error?.message.length).toBeLessThan(2_002);
  });

  test('a rejection tells all issues, at the task; the step says only that there are some', () => {
    const { issues } = found('broken', 'dirty');
    const [ended] = walked(() => ({ issues }));
    const error = { code: 'rejected', message: 'It is broken.; It is dirty.', attempt: 1 };
    expect(ended?.state.output).toEqual({ status: 'error', error: { step: 'look', ...error, issues } });
    expect(ended && reportOf(ended.state)).toEqual({
      status: 'error',
      steps: { look: { status: 'error', attempts: 1, error } },
      error: { step: 'look', ...error, issues },
    });
  });

  test('P3: a check whose output is given is not computed', () => {
    const given = walks(machine, input(undefined, { look: 1 }));
    expect(lines(given, 'look')).toEqual(['(start) → succeeded: complete after 0, task complete']);
  });

  test('the chart draws one way to rejected an issue, in declared order, with its reason', () => {
    const checking = nodesOf(machine).find(({ key }) => key === 'checking');
    const drawn = checking?.always?.map(({ description, target }) => [
      description,
      target?.map(({ id }) => id),
    ]);
    expect(drawn).toEqual([
      ['it is dirty', ['task.rejected']],
      ['it is broken', ['task.rejected']],
      ['the check went wrong itself', ['task.look.failed']],
      ['no issue was found', ['task.look.succeeded']],
    ]);
  });

  test('no state is out of reach', () => {
    const seen = seenIn([() => ({ output: 1 }), () => found('dirty'), () => ({})].flatMap(walked));
    const all = nodesOf(machine).map(({ id }) => id);
    // A check takes no time: nothing can cancel it.
    expect(all.filter((id) => !seen.has(id))).toEqual(['task.cancelled']);
  });
});

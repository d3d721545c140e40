import { describe, expect, test } from 'vitest';
import { emptyView, withChanges } from '../../src/service/index.ts';

const empty = emptyView({ id: 'a', name: 'work', version: '1' });
const at = (seconds: number) => new Date(seconds * 1_000).toISOString();

describe('the fold of a task’s changes', () => {
  test('begins with a task of which nothing is known', () => {
    expect(empty).toEqual({ id: 'a', name: 'work', version: '1', status: 'pending', steps: {} });
  });

  test('keeps when the first attempt began, says when the next one will, and when the step ended', () => {
    const running = withChanges(empty, [{ step: 's', status: 'running', attempts: 1 }], 1_000);
    expect(running.steps.s).toEqual({ status: 'running', attempts: 1, started_at: at(1) });
    const error = { code: 'flaky', message: 'not yet', attempt: 1, delay: 4_000 };
    const waiting = withChanges(
      running,
      [{ step: 's', status: 'waiting_for_retry', attempts: 1, error }],
      2_000,
    );
    expect(waiting.steps.s).toMatchObject({ started_at: at(1), retry_at: at(6), error });
    const again = withChanges(waiting, [{ step: 's', status: 'running', attempts: 2, error }], 6_000);
    expect(again.steps.s).toEqual({ status: 'running', attempts: 2, started_at: at(1), error });
    const complete = withChanges(again, [{ step: 's', status: 'complete', attempts: 2 }], 7_000);
    expect(complete.steps.s).toEqual({ status: 'complete', attempts: 2, started_at: at(1), ended_at: at(7) });
  });

  test('of a task that is begun anew forgets how it ended before', () => {
    const error = { code: 'cancelled', message: 'Cancelled' };
    const cancelled = withChanges(empty, [{ status: 'cancelled', error }], 1_000);
    const anew = withChanges(cancelled, [{ status: 'running' }], 2_000);
    expect(anew).toEqual({ ...empty, status: 'running' });
  });

  test('of a step that never began has no time of beginning', () => {
    const { steps } = withChanges(empty, [{ step: 's', status: 'pending', attempts: 0 }], 1_000);
    expect(steps.s).toEqual({ status: 'pending', attempts: 0 });
  });

  test('of a task that is run again forgets when it was run before', () => {
    const before = withChanges(empty, [{ step: 's', status: 'running', attempts: 1 }], 1_000);
    const anew = withChanges(before, [{ step: 's', status: 'pending', attempts: 0 }], 5_000);
    expect(anew.steps.s).not.toHaveProperty('started_at');
    const again = withChanges(before, [{ step: 's', status: 'running', attempts: 1 }], 6_000);
    expect(again.steps.s).toMatchObject({ started_at: at(6) });
  });

  test('takes the task’s own change, and leaves what was', () => {
    const view = withChanges(
      empty,
      [
        { step: 's', status: 'complete', attempts: 1 },
        { status: 'complete', output: 7 },
      ],
      0,
    );
    expect(view).toMatchObject({ status: 'complete', output: 7, steps: { s: { status: 'complete' } } });
    expect(empty).toEqual({ id: 'a', name: 'work', version: '1', status: 'pending', steps: {} });
  });

  test('of steps that are named as objects’ own properties are', () => {
    const { steps } = withChanges(empty, [{ step: 'constructor', status: 'running', attempts: 1 }], 0);
    expect(steps).toEqual({ constructor: { status: 'running', attempts: 1, started_at: at(0) } });
  });
});

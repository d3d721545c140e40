import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createActor } from 'xstate';
import { STEP_STATUSES, TASK_STATUSES } from '../../../machines/status.ts';
import type { TaskContext } from '../../../machines/step/index.ts';
import {
  type Change,
  changesBetween,
  reportOf,
  type TaskReport,
  type TaskSnapshot,
} from '../../../machines/task/index.ts';
import { VirtualClock } from '../../virtual-time.ts';
import { looseTask } from './loose-task.ts';
import { anyTasks, randomTask } from './random-task.ts';

/** A report with changes applied, as one who watches them would. */
function applied(before: TaskReport, changes: readonly Change[]): TaskReport {
  let report = before;
  for (const change of changes) {
    if ('step' in change) {
      const { step, ...rest } = change;
      report = { ...report, steps: { ...report.steps, [step]: rest } };
    } else {
      report = { ...change, steps: report.steps };
    }
  }
  return report;
}

const context: TaskContext = {
  id: 'id',
  context: null,
  results: { done: 1 },
  steps: { done: { attempts: 1 }, begun: { attempts: 2 }, new: { attempts: 0 } },
};
const snapshotOf = (tags: readonly string[], more: Partial<TaskSnapshot> = {}): TaskSnapshot => ({
  status: 'active',
  tags: new Set(tags),
  context,
  ...more,
});

describe('a report', () => {
  test('follows a task from its start to its end, in the words of the wire', async () => {
    const clock = new VirtualClock();
    const task = looseTask([
      { name: 'a', run: () => clock.sleep(10).then(() => 1) },
      {
        name: 'b',
        retry: { jitter: 'none', baseDelay: 20 },
        run: async ({ attempt }: { attempt: number }) => {
          if (attempt === 1) throw new Error('Oh.');
          return clock.sleep(10).then(() => 2);
        },
      },
      { name: 'c', after: ['a', 'b'], issues: { bad: 'it is bad' }, check: () => ({ output: 3 }) },
      { name: 'd', after: ['c'], run: () => clock.sleep(10).then(() => 4) },
    ]);
    const actor = createActor(task.machine, { clock, input: { id: 'id', context: null } });
    actor.start();
    const told = () => {
      const { status, steps } = reportOf(actor.getSnapshot() as TaskSnapshot);
      return [status, ...Object.values(steps).map((step) => `${step.status} ${step.attempts}`)];
    };
    expect(told()).toEqual(['running', 'running 1', 'running 1', 'pending 0', 'pending 0']);
    await clock.advance(1);
    expect(told()).toEqual(['running', 'running 1', 'waiting_for_retry 1', 'pending 0', 'pending 0']);
    await clock.advance(10);
    expect(told()).toEqual(['running', 'complete 1', 'waiting_for_retry 1', 'pending 0', 'pending 0']);
    await clock.advance(10);
    expect(told()).toEqual(['running', 'complete 1', 'running 2', 'pending 0', 'pending 0']);
    await clock.advance(10);
    expect(told()).toEqual(['running', 'complete 1', 'complete 2', 'complete 1', 'running 1']);
    await clock.advance(10);
    expect(told()).toEqual(['complete', 'complete 1', 'complete 2', 'complete 1', 'complete 1']);
    expect(reportOf(actor.getSnapshot() as TaskSnapshot).output).toEqual({ d: 4 });
  });

  test('of a chart that threw says so, and stops its steps', () => {
    const crashed = snapshotOf(['running', 'begun:running'], { status: 'error', error: new Error('Oh.') });
    expect(reportOf(crashed)).toEqual({
      status: 'error',
      steps: {
        done: { status: 'complete', attempts: 1 },
        begun: { status: 'cancelled', attempts: 2 },
        new: { status: 'pending', attempts: 0 },
      },
      error: { code: 'crashed', message: expect.stringContaining('Oh.') },
    });
  });

  test('of a chart that threw what cannot be read says so, too', () => {
    for (const error of [undefined, null, Symbol('oh'), Object.create(null)]) {
      const crashed = snapshotOf([], { status: 'error', error });
      expect(reportOf(crashed)).toMatchObject({ status: 'error', error: { code: 'crashed' } });
    }
  });

  test('of a task that has not begun is pending', () => {
    expect(reportOf(snapshotOf([])).status).toBe('pending');
  });

  test('has no word but those of the wire', async () => {
    await fc.assert(
      fc.asyncProperty(anyTasks, async (steps) => {
        for (const report of await reportsOf(steps)) {
          expect(TASK_STATUSES).toContain(report.status);
          for (const { status } of Object.values(report.steps)) expect(STEP_STATUSES).toContain(status);
        }
      }),
      { numRuns: 30 },
    );
  });
});

/** Every report on a task made up at random, from before its first event to its end. */
async function reportsOf(steps: Parameters<typeof randomTask>[0]): Promise<TaskReport[]> {
  const clock = new VirtualClock();
  const { task } = randomTask(steps, clock);
  const actor = createActor(task.machine, { clock, input: { id: 'id', context: null } });
  const reports = [reportOf(actor.getSnapshot() as TaskSnapshot)];
  actor.subscribe((snapshot) => reports.push(reportOf(snapshot as TaskSnapshot)));
  actor.start();
  await clock.run();
  return reports;
}

describe('changes', () => {
  test('applied to the first report one after another give the last', async () => {
    await fc.assert(
      fc.asyncProperty(anyTasks, async (steps) => {
        const reports = await reportsOf(steps);
        let [kept] = reports;
        for (const [index, report] of reports.entries()) {
          const changes = changesBetween(reports[index - 1], report);
          kept = applied(kept ?? report, changes);
          expect(kept).toEqual(report);
        }
      }),
      { numRuns: 100 },
    );
  });

  test('between any two reports give the later one', async () => {
    const pairs = anyTasks.chain((steps) => fc.tuple(fc.constant(steps), fc.nat(), fc.nat()));
    await fc.assert(
      fc.asyncProperty(pairs, async ([steps, one, other]) => {
        const reports = await reportsOf(steps);
        const before = reports[one % reports.length];
        const later = reports[other % reports.length];
        if (before && later) expect(applied(before, changesBetween(before, later))).toEqual(later);
      }),
      { numRuns: 100 },
    );
  });

  test('from nothing are everything: each step, then the task', () => {
    const report = reportOf(snapshotOf(['running', 'begun:running']));
    expect(changesBetween(undefined, report)).toEqual([
      { step: 'done', status: 'complete', attempts: 1 },
      { step: 'begun', status: 'running', attempts: 2 },
      { step: 'new', status: 'pending', attempts: 0 },
      { status: 'running' },
    ]);
  });

  test('between a report and itself, or its copy, are none', () => {
    const error = { code: 'permanent', message: 'No.', attempt: 1 };
    const failed: TaskReport = {
      status: 'error',
      steps: { a: { status: 'error', attempts: 1, error } },
      error,
    };
    expect(changesBetween(failed, failed)).toEqual([]);
    expect(changesBetween(failed, structuredClone(failed))).toEqual([]);
  });

  test('tell of another reason for the same status, as after a retry by hand', () => {
    const failedWith = (code: string): TaskReport => {
      const error = { code, message: 'No.', attempt: 1 };
      return { status: 'error', steps: { a: { status: 'error', attempts: 1, error } }, error };
    };
    const after = failedWith('other');
    expect(changesBetween(failedWith('one'), after)).toEqual([
      { step: 'a', ...after.steps.a },
      { status: 'error', error: after.error },
    ]);
    const complete = (output: unknown): TaskReport => ({ status: 'complete', steps: {}, output });
    expect(changesBetween(complete(1), complete(2))).toEqual([{ status: 'complete', output: 2 }]);
    expect(changesBetween(complete({ a: [1] }), complete({ a: [1] }))).toEqual([]);
  });
});

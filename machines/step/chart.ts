import { STATUS_OF_STATE, stepTag } from '../status.ts';
import { type Failure, receivedFailure } from './failure.ts';
import {
  backoffDelayName,
  type CheckPlan,
  type EffectPlan,
  type EventPlan,
  type StepPlan,
  withinDelayName,
} from './plan.ts';
import { type IssueCode, pick, type TaskContext, type Vocabulary } from './vocabulary.ts';

/**
 * The life of one step, as a piece of chart.
 *
 *     effect   pending ──→ running ──→ succeeded
 *                            │  ↑
 *                            ↓  │ after its delay
 *                          backingOff          running ──→ failed ──→ the task's failed
 *
 *     event    pending ──→ waiting ──→ succeeded
 *                            └── [its time is over] ──→ failed ──→ the task's failed
 *
 *     check    pending ──→ checking ──→ succeeded
 *                            ├── [an issue, one transition a code] ──→ the task's rejected
 *                            └──→ failed ──→ the task's failed
 *
 * Invariants:
 * - P1. A step leaves `pending` only when its output is known, or every step it comes after has succeeded.
 * - P2. Each entry of `running` is one attempt; `succeeded` is entered once.
 * - P3. A step whose output is known runs no attempt.
 */

const START = { effect: 'running', check: 'checking', event: 'waiting' } as const;

export function stepChart(vocabulary: Vocabulary, plan: StepPlan) {
  const { name, awaited } = plan;
  const step = { step: name };
  const start = START[plan.kind];
  const enter = plan.kind === 'check' ? { actions: { type: 'runCheck' as const, params: step } } : {};

  return vocabulary.createStateConfig({
    initial: 'pending',
    description: plan.description ?? describe(plan),
    meta: step,
    states: {
      pending: {
        description:
          awaited.length > 0
            ? `Waits until ${awaited.join(' and ')} ${awaited.length > 1 ? 'have' : 'has'} succeeded.`
            : 'Starts at once, unless its output is known.',
        tags: [stepTag(name, STATUS_OF_STATE.pending)],
        always: [
          { guard: { type: 'hasResult', params: step }, target: 'succeeded' },
          awaited.length > 0
            ? { guard: { type: 'haveSucceeded', params: { steps: awaited } }, target: start, ...enter }
            : { target: start, ...enter },
        ],
      },
      ...statesOf(vocabulary, plan),
      succeeded: {
        type: 'final',
        description: 'Its output is recorded; it never runs again.',
        tags: [stepTag(name, STATUS_OF_STATE.succeeded)],
      },
      failed: {
        description: 'Fails the task at once.',
        tags: [stepTag(name, STATUS_OF_STATE.failed)],
        always: { target: `#${plan.task}.failed`, actions: { type: 'failTask', params: step } },
      },
    },
  });
}

function statesOf(vocabulary: Vocabulary, plan: StepPlan) {
  switch (plan.kind) {
    case 'effect':
      return effectStates(vocabulary, plan);
    case 'check':
      return checkStates(vocabulary, plan);
    case 'event':
      return eventStates(vocabulary, plan);
    default:
      return plan satisfies never;
  }
}

function describe(plan: StepPlan): string {
  const { kind, after } = plan;
  const words = { effect: 'Runs', check: 'Checks what it is given,' };
  const what = kind === 'event' ? `Waits for the event "${plan.event}",` : words[kind];
  return after.length > 0 ? `${what} after ${after.join(' and ')}.` : `${what} from the start.`;
}

function effectStates(vocabulary: Vocabulary, { name, after, retry, timeout }: EffectPlan) {
  const attempts = retry.attempts === 'unlimited' ? 'without limit' : `of ${retry.attempts}`;
  const attemptsOf = (context: TaskContext) => context.steps[name]?.attempts ?? 1;
  const received = (context: TaskContext, { error }: { error: unknown }) =>
    receivedFailure(error, attemptsOf(context));
  return {
    running: vocabulary.createStateConfig({
      description: `One attempt ${attempts}, of at most ${timeout} ms.`,
      tags: [stepTag(name, STATUS_OF_STATE.running)],
      entry: { type: 'beginAttempt', params: { step: name } },
      invoke: {
        id: name,
        src: name,
        input: ({ context }) => ({
          id: context.id,
          context: context.context,
          results: pick(context.results, after),
          key: `${context.id}/${name}`,
          attempt: attemptsOf(context),
        }),
        onDone: {
          target: 'succeeded',
          actions: { type: 'recordOutput', params: ({ event }) => ({ step: name, output: event.output }) },
        },
        onError: [
          {
            guard: {
              type: 'canRetry',
              params: ({ context, event }) => ({
                step: name,
                failure: received(context, event),
                limit: retry.attempts,
              }),
            },
            target: 'backingOff',
            actions: {
              type: 'recordFailure',
              params: ({ context, event }) => ({ step: name, failure: received(context, event) }),
            },
          },
          {
            target: 'failed',
            actions: {
              type: 'recordFailure',
              params: ({ context, event }) => ({ step: name, failure: received(context, event) }),
            },
          },
        ],
      },
    }),
    backingOff: vocabulary.createStateConfig({
      description: 'Waits before the next attempt, for the delay that was drawn when the last one failed.',
      tags: [stepTag(name, STATUS_OF_STATE.backingOff)],
      after: { [backoffDelayName(name)]: 'running' },
    }),
  };
}

function checkStates(vocabulary: Vocabulary, { name, issues, task }: CheckPlan) {
  const step = { step: name };
  return {
    checking: vocabulary.createStateConfig({
      description: 'The check has been computed, once; its issues decide.',
      tags: [stepTag(name, STATUS_OF_STATE.checking)],
      always: [
        ...Object.entries(issues).map(([code, reason]) => ({
          description: reason,
          guard: { type: code as IssueCode, params: step },
          target: `#${task}.rejected`,
          actions: { type: 'rejectTask' as const, params: step },
        })),
        {
          description: 'the check went wrong itself',
          guard: { type: 'hasFailed', params: step },
          target: 'failed',
        },
        {
          description: 'no issue was found',
          target: 'succeeded',
          actions: { type: 'recordVerdict', params: step },
        },
      ],
    }),
  };
}

function eventStates(vocabulary: Vocabulary, { name, event: type, within }: EventPlan) {
  const step = { step: name };
  const limit = within === undefined ? 'as long as it takes' : `at most ${within} ms`;
  return {
    waiting: vocabulary.createStateConfig({
      description: `Waits for the event "${type}", ${limit}. Its data is the output; other data is not taken.`,
      tags: [stepTag(name, STATUS_OF_STATE.waiting)],
      entry: { type: 'beginAttempt', params: step },
      on: {
        [type]: {
          guard: { type: 'isTaken', params: step },
          target: 'succeeded',
          actions: { type: 'recordEvent', params: step },
        },
      },
      ...(within !== undefined && {
        after: {
          [withinDelayName(name)]: {
            target: 'failed',
            actions: {
              type: 'recordFailure',
              params: { step: name, failure: lateFailure(type, within) },
            },
          },
        },
      }),
    }),
  };
}

function lateFailure(type: string, within: number): Failure {
  return { code: 'timeout', message: `The event "${type}" did not come within ${within} ms.`, attempt: 1 };
}

import { assign, setup } from 'xstate';
import { outputIn, type StepEvent } from './awaited-event.ts';
import type { AttemptLogic } from './effect.ts';
import type { Failure } from './failure.ts';
import { backoffDelayName, type StepPlan, withinDelayName } from './plan.ts';
import { tidy } from './thrown.ts';
import { type Verdict, verdictOf } from './verdict.ts';

/**
 * The vocabulary of the charts of steps and tasks: their context, events, guards and actions. All of it is pure: an
 * actor is the only place with effects.
 */

/** What the chart remembers of a step besides its output. How it stands is told by the chart's state, not here. */
export interface StepRecord {
  /** Attempts begun. */
  readonly attempts: number;
  /** Why the last attempt failed, or what the check found; gone once one succeeded. */
  readonly error?: Failure;
  /** What came of a check, while the chart decides on it. */
  readonly verdict?: Verdict;
}

/** Why a task ended otherwise than well. `code` is `rejected`, `cancelled` or the code of the step's failure. */
export interface TaskError {
  readonly code: string;
  readonly message: string;
  /** The step that ended it; none for a cancellation. */
  readonly step?: string;
  readonly attempt?: number;
  readonly request?: Failure['request'];
  /** Of a rejection: what the check found. Of wrong data: where it is wrong. */
  readonly issues?: Failure['issues'];
  readonly cause?: Failure['cause'];
}

export interface TaskContext<Context = unknown, Results = Readonly<Record<string, unknown>>> {
  readonly id: string;
  /** The context of the task's request. */
  readonly context: Context;
  /** The output of each step that has succeeded. */
  readonly results: Results;
  readonly steps: Readonly<Record<string, StepRecord>>;
  readonly error?: TaskError;
}

/** Ends the task wherever it is; running effects are aborted. */
export interface CancelEvent {
  readonly type: 'task.cancel';
  /** For a person: why. */
  readonly reason?: string;
}

/** Stands in types for the events that steps wait for, whose types nobody knows before a task is defined. */
export interface AwaitedEvent extends StepEvent {
  readonly type: '<event>';
}

export interface TaskInput<Context = unknown, Results = Readonly<Record<string, unknown>>> {
  readonly id: string;
  readonly context: Context;
  /** Outputs that are known already: their steps have succeeded from the start. @default none */
  readonly results?: Results;
}

/** What a task ends with. */
export type TaskOutput<Output = unknown> =
  | { readonly status: 'complete'; readonly output: Output }
  | { readonly status: 'error' | 'cancelled'; readonly error: TaskError };

type Recorded<Params> = (
  args: { context: TaskContext },
  params: Params & { step: string },
) => Partial<TaskContext>;

/** Changes what is remembered of one step. */
function record<Params>(change: (step: StepRecord, params: Params, context: TaskContext) => StepRecord) {
  const recorded: Recorded<Params> = ({ context }, params) => {
    const before = context.steps[params.step] ?? { attempts: 0 };
    return { steps: withStep(context.steps, params.step, change(before, params, context)) };
  };
  return recorded;
}

/**
 * A copy with one step's value in it. `Object.assign` to an empty object copies the whole at once, where a spread goes from
 * key to key: of a thousand steps, the last cost six times as much as the first.
 */
function withStep<Value>(
  values: Readonly<Record<string, Value>>,
  step: string,
  value: Value,
): Record<string, Value> {
  return Object.assign({}, values, { [step]: value });
}

/** Keeps a step's output; its attempts stay counted. */
const keepOutput: Recorded<{ output: unknown }> = ({ context }, { step, output }) => ({
  results: withStep(context.results, step, output),
  steps: withStep(context.steps, step, { attempts: context.steps[step]?.attempts ?? 0 }),
});

/** Stands in types for the codes of issues, which nobody knows before a task is defined. */
export type IssueCode = '<code>';

type IssueGuard = (args: { context: TaskContext }, params: { step: string }) => boolean;

/**
 * A guard an issue, named by its code so that the drawn chart shows it: the check found an issue of this code. The
 * other guards have capitals in their names, codes have none.
 */
function issueGuards(plans: readonly StepPlan[]): Record<IssueCode, IssueGuard> {
  const codes = plans.flatMap((plan) => (plan.kind === 'check' ? Object.keys(plan.issues) : []));
  return Object.fromEntries(
    codes.map((code): [string, IssueGuard] => [
      code,
      ({ context }, { step }) => {
        const verdict = context.steps[step]?.verdict;
        return (
          verdict !== undefined && 'issues' in verdict && verdict.issues.some((issue) => issue.code === code)
        );
      },
    ]),
  ) as Record<IssueCode, IssueGuard>;
}

/** What the chart of a task is written in: `setup` is the vocabulary, `createMachine` the diagram. */
export function vocabularyFor(plans: readonly StepPlan[]) {
  const checks = new Map(plans.flatMap((plan) => (plan.kind === 'check' ? [[plan.name, plan]] : [])));
  const awaited = new Map(plans.flatMap((plan) => (plan.kind === 'event' ? [[plan.name, plan]] : [])));
  const outputOf = (step: string, event: StepEvent) => {
    const plan = awaited.get(step);
    return plan && outputIn(plan, event);
  };
  return setup({
    types: {
      context: {} as TaskContext,
      events: {} as CancelEvent | AwaitedEvent,
      input: {} as TaskInput,
      output: {} as TaskOutput,
      meta: {} as { step?: string; stage?: readonly string[] },
    },
    actors: {} as Record<string, AttemptLogic>,
    delays: Object.fromEntries(
      plans.map((plan): [string, (args: { context: TaskContext }) => number] =>
        plan.kind === 'event'
          ? [withinDelayName(plan.name), () => plan.within ?? 0]
          : [backoffDelayName(plan.name), ({ context }) => context.steps[plan.name]?.error?.delay ?? 0],
      ),
    ),
    guards: {
      /** The step's output is known: given with the input, or recorded. */
      hasResult: ({ context }, { step }: { step: string }) => Object.hasOwn(context.results, step),
      /** Every one of the steps has succeeded. */
      haveSucceeded: ({ context }, { steps }: { steps: readonly string[] }) =>
        steps.every((step) => Object.hasOwn(context.results, step)),
      /** Another attempt may help, and one is left. */
      canRetry: (
        { context },
        { step, failure, limit }: { step: string; failure: Failure; limit: number | 'unlimited' },
      ) =>
        failure.delay !== undefined &&
        (limit === 'unlimited' || (context.steps[step]?.attempts ?? 0) < limit),
      /** The check went wrong itself. */
      hasFailed: ({ context }, { step }: { step: string }) => {
        const verdict = context.steps[step]?.verdict;
        return verdict === undefined || 'failure' in verdict;
      },
      /** The event has what the step takes. */
      isTaken: ({ event }, { step }: { step: string }) => outputOf(step, event) !== undefined,
      ...issueGuards(plans),
    },
    actions: {
      beginAttempt: assign(record(({ attempts, ...rest }) => ({ ...rest, attempts: attempts + 1 }))),
      recordOutput: assign(keepOutput),
      recordEvent: assign((args, { step }: { step: string }) => {
        const taken = outputOf(step, args.event);
        return taken ? keepOutput(args, { step, output: taken.output }) : {};
      }),
      recordFailure: assign(
        record(({ attempts }, { failure }: { failure: Failure }) => ({ attempts, error: failure })),
      ),
      runCheck: assign(
        record((_, { step }: { step: string }, { id, context, results }) => {
          const plan = checks.get(step);
          if (!plan) return { attempts: 1 };
          return {
            attempts: 1,
            verdict: verdictOf(plan, { id, context, results: pick(results, plan.after) }),
          };
        }),
      ),
      recordVerdict: assign((args, { step }: { step: string }) => {
        const verdict = args.context.steps[step]?.verdict;
        return verdict && 'output' in verdict ? keepOutput(args, { step, output: verdict.output }) : {};
      }),
      failTask: assign(({ context }, { step }: { step: string }) => {
        const { attempts = 0, verdict, error } = context.steps[step] ?? {};
        const failure = verdict && 'failure' in verdict ? verdict.failure : error;
        if (!failure) return {};
        const { delay: _, ...told } = failure;
        return {
          steps: withStep(context.steps, step, { attempts, error: failure }),
          error: { step, ...told },
        };
      }),
      rejectTask: assign(({ context }, { step }: { step: string }) => {
        const verdict = context.steps[step]?.verdict;
        const issues = verdict && 'issues' in verdict ? verdict.issues : [];
        const message = tidy(issues.map((issue) => issue.message).join('; '));
        const error: Failure = { code: 'rejected', message, attempt: 1 };
        return {
          steps: withStep(context.steps, step, { attempts: 1, error }),
          error: { step, ...error, issues },
        };
      }),
      cancelTask: assign((_, { reason }: { reason: string | undefined }) => ({
        error: { code: 'cancelled', message: reason ? `Cancelled: ${reason}` : 'Cancelled' },
      })),
    },
  });
}

export type Vocabulary = ReturnType<typeof vocabularyFor>;

/** The outputs of the named steps only: what a step may see of the others. */
export function pick(results: TaskContext['results'], steps: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(steps.map((step) => [step, results[step]]));
}

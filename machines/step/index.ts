export type { CheckIssue, Issue } from '../issue.ts';
export type { StepEvent } from './awaited-event.ts';
export { stepChart } from './chart.ts';
export {
  type AttemptInput,
  type AttemptLogic,
  attemptOf,
  type Effect,
  type EffectArguments,
} from './effect.ts';
export { type EffectErrorOptions, PermanentError, RetryableError } from './effect-error.ts';
export type { Cause, Failure } from './failure.ts';
export { assertOutput } from './output.ts';
export type { CheckPlan, EffectPlan, EventPlan, StepPlan } from './plan.ts';
export { isStrayPromise } from './promises.ts';
export { parseRetryAfter } from './retry-after.ts';
export {
  backoffDelay,
  MAX_TIMER_MS,
  type Random,
  type RetryPolicy,
  type RetryPolicyOptions,
  retryAfterDelay,
  retryPolicy,
  retryPolicyOptionsSchema,
} from './retry-policy.ts';
export { withoutSecrets } from './secrets.ts';
export { messageOf } from './thrown.ts';
export type { Check, CheckArguments, Verdict } from './verdict.ts';
export {
  type CancelEvent,
  type StepRecord,
  type TaskContext,
  type TaskError,
  type TaskInput,
  type TaskOutput,
  vocabularyFor,
} from './vocabulary.ts';

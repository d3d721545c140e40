import { z } from 'zod';
import {
  type Check,
  type Effect,
  MAX_TIMER_MS,
  type RetryPolicyOptions,
  retryPolicyOptionsSchema,
} from '../step/index.ts';
import { nameSchema } from './names.ts';

/** An attempt may take this long, in ms, unless its step or its task says otherwise. */
const DEFAULT_TIMEOUT = 30_000;

const timeout = z.int().min(1).max(MAX_TIMER_MS);

const eventTypeSchema = z
  .string()
  .regex(
    /^(?!task\.|xstate\.)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/,
    'expected words of A-Z a-z 0-9 _ - joined by dots, not beginning with "task." or "xstate."',
  );

/** What steps and tasks have in common with those that are read from data. Checked where a definition is built. */
export const commonTaskOptions = {
  name: nameSchema,
  version: z.string().min(1),
  description: z.string().optional(),
  retry: retryPolicyOptionsSchema.default({}),
  timeout: timeout.default(DEFAULT_TIMEOUT),
};

export const commonStepOptions = {
  name: nameSchema,
  after: z.array(nameSchema).default([]),
  stage: nameSchema.optional(),
  description: z.string().optional(),
  retry: retryPolicyOptionsSchema.optional(),
  timeout: timeout.optional(),
  event: eventTypeSchema.optional(),
  within: z.int().min(1).optional(),
};

export interface TaskOptions<Context extends z.ZodType> {
  /** `[a-z][a-z0-9_-]{0,63}`: it is part of subjects and URLs. */
  readonly name: string;
  /** Which of the task's definitions this is; a task goes on with the version that it began with. */
  readonly version: string;
  /** For a person, shown with the chart. */
  readonly description?: string;
  /** What a request's `context` must be. */
  readonly context: Context;
  /** For steps that say nothing else. @default three attempts, see {@link RetryPolicyOptions} */
  readonly retry?: RetryPolicyOptions;
  /** For steps that say nothing else: the longest that an attempt may take, in ms. @default 30_000 */
  readonly timeout?: number;
}

interface CommonStepOptions<After extends string, Output extends z.ZodType> {
  /** The steps that must have succeeded before; their outputs are what this step gets to see. @default none */
  readonly after?: readonly After[];
  /** What the step gives. What it gives is parsed by it; what does not fit fails the step for good. */
  readonly output: Output;
  /** For a person, shown with the chart. */
  readonly description?: string;
  /**
   * The name of the chart's state for the stage that the step runs in; steps that run side by side share one.
   * @default the step's name, or the names of the stage's steps joined by `_and_`
   */
  readonly stage?: string;
}

export interface EffectStepOptions<Context, Results, After extends string, Output extends z.ZodType>
  extends CommonStepOptions<After, Output> {
  /** The step's work. Without it, it is named only, and filled in by the definition's `provide`. */
  readonly run?: Effect<Context, Results, z.input<Output>>;
  /** What it leaves out is the task's. */
  readonly retry?: RetryPolicyOptions;
  /** The longest that an attempt may take, in ms. @default the task's */
  readonly timeout?: number;
  readonly check?: never;
  readonly event?: never;
  readonly within?: never;
}

/** A step that waits for an event from outside: a human's approval, another system's answer. */
export interface EventStepOptions<After extends string, Output extends z.ZodType, Type extends string>
  extends CommonStepOptions<After, Output> {
  /**
   * The event's type, such as `order.approved`; none that begins with `task.` or `xstate.`. The event's `data` is parsed by
   * `output` and is what the step gives; an event whose data does not fit is not taken, and the step goes on waiting.
   */
  readonly event: Type;
  /** The longest that it waits, in ms; then the step fails. @default as long as it takes */
  readonly within?: number;
  readonly run?: never;
  readonly check?: never;
  readonly issues?: never;
  readonly retry?: never;
  readonly timeout?: never;
}

export interface CheckStepOptions<
  Context,
  Results,
  After extends string,
  Output extends z.ZodType,
  Code extends string,
> extends CommonStepOptions<After, Output> {
  /** A pure function of earlier outputs: it gives an output, or every issue it finds. */
  readonly check: Check<Context, Results, z.input<Output>, NoInfer<Code>>;
  /** Code → reason, in order: the first that was found is the transition that the chart takes to `rejected`. */
  readonly issues: Readonly<Record<Code, string>>;
  readonly run?: never;
  readonly retry?: never;
  readonly timeout?: never;
  readonly event?: never;
  readonly within?: never;
}

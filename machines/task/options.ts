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
}

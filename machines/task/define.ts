import { z } from 'zod';
import { formatIssues, issuesOf } from '../issue.ts';
import { type Check, type Effect, retryPolicy, type StepEvent, type StepPlan } from '../step/index.ts';
import type { TaskPlan } from './chart.ts';
import { type Effects, TaskDefinition } from './definition.ts';
import { DefinitionError } from './definition-error.ts';
import {
  type CheckStepOptions,
  commonStepOptions,
  commonTaskOptions,
  type EffectStepOptions,
  type EventStepOptions,
  type TaskOptions,
} from './options.ts';

/** Gathers steps. Each call returns a new builder whose types know the steps so far. */
export interface TaskBuilder<
  Context,
  Results,
  StepEffects,
  Last extends keyof Results & string,
  Events extends StepEvent = never,
> {
  /**
   * Adds a step. What it comes `after` must be steps added before; their outputs are the `results` it sees.
   *
   * @param name Of `[a-z][a-z0-9_-]{0,63}`, and new.
   */
  step<
    const Name extends string,
    Output extends z.ZodType,
    const After extends keyof Results & string = never,
    const Code extends string = never,
  >(
    name: Name extends keyof Results ? never : Name,
    options: CheckStepOptions<Context, Readonly<Pick<Results, After>>, After, Output, Code>,
  ): TaskBuilder<
    Context,
    With<Results, Name, z.output<Output>>,
    StepEffects,
    LastWith<Last, After, Name>,
    Events
  >;
  step<
    const Name extends string,
    Output extends z.ZodType,
    const Type extends string,
    const After extends keyof Results & string = never,
  >(
    name: Name extends keyof Results ? never : Name,
    options: EventStepOptions<After, Output, Type>,
  ): TaskBuilder<
    Context,
    With<Results, Name, z.output<Output>>,
    StepEffects,
    LastWith<Last, After, Name>,
    Events | { readonly type: Type; readonly data: z.input<Output> }
  >;
  step<
    const Name extends string,
    Output extends z.ZodType,
    const After extends keyof Results & string = never,
  >(
    name: Name extends keyof Results ? never : Name,
    options: EffectStepOptions<Context, Readonly<Pick<Results, After>>, After, Output>,
  ): TaskBuilder<
    Context,
    With<Results, Name, z.output<Output>>,
    With<StepEffects, Name, Effect<Context, Readonly<Pick<Results, After>>, z.input<Output>>>,
    LastWith<Last, After, Name>,
    Events
  >;

  /**
   * Checks the steps and makes the task.
   *
   * @param options.output What the task gives, from the outputs of its steps; pure and synchronous. @default the outputs of the steps that no other comes after
   * @throws {DefinitionError} An unknown, doubled or malformed name, a cycle, or an option out of its range.
   */
  build<Output = Readonly<Pick<Results, Last>>>(options?: {
    output?: (results: Readonly<Results>) => Output extends PromiseLike<unknown> ? never : Output;
  }): TaskDefinition<Context, Results, StepEffects, Output, Events>;
}

type With<Map, Name extends string, Value> = {
  [Key in keyof Map | Name]: Key extends keyof Map ? Map[Key] : Value;
};
/** The steps that no other comes after, once a step is added. */
type LastWith<Last extends string, After extends string, Name extends string> = Exclude<Last, After> | Name;

/**
 * Begins the definition of a task: named steps with dependencies, turned into a statechart.
 *
 * @example
 * ```ts
 * const greeting = defineTask({ name: 'greeting', version: '1', context: z.object({ name: z.string() }) })
 *   .step('greet', { output: z.string(), run: ({ context }) => `Hello, ${context.name}!` })
 *   .step('shout', { after: ['greet'], output: z.string(), run: ({ results }) => results.greet.toUpperCase() })
 *   .build();
 * ```
 *
 * @throws {DefinitionError} There are no options. What is wrong in them is told by `build`.
 */
export function defineTask<Context extends z.ZodType>(
  options: TaskOptions<Context>,
): TaskBuilder<z.output<Context>, Record<never, never>, Record<never, never>, never> {
  const given: unknown = options;
  if (typeof given !== 'object' || given === null) {
    const found = given === null ? 'null' : typeof given;
    throw new DefinitionError(
      nameIn(given),
      [],
      `defineTask takes an object of options; it was given ${found}.`,
    );
  }
  return builderOf({ task: given, steps: [] }) as ReturnType<typeof defineTask<Context>>;
}

/**
 * Defines a task from data, such as a file: the same, without schemas and types; outputs are any JSON, and all
 * effects are given by `provide`. What comes after what is checked here alone, cycles included.
 *
 * @param data `{ name, version, description?, retry?, timeout?, steps: [{ name, after?, stage?, description?, retry?, timeout?, event?, within? }] }`
 * @throws {DefinitionError} The data is not of that shape, or its steps do not make a task.
 */
export function taskFromData(
  data: unknown,
): TaskDefinition<unknown, Record<string, unknown>, Effects, Record<string, unknown>, StepEvent> {
  const { steps, ...task } = parse(taskDataSchema, data, nameIn(data));
  return define({
    task: { ...task, context: z.json() },
    steps: steps.map(({ name, ...options }) => ({ name, options: { ...options, output: z.json() } })),
  }) as ReturnType<typeof taskFromData>;
}

const taskDataSchema = z.strictObject({
  ...commonTaskOptions,
  steps: z.array(z.strictObject(commonStepOptions)),
});

const isFunction = (value: unknown) => typeof value === 'function';
const isSchema = (value: unknown) => value instanceof z.ZodType;

const zodSchema = z.custom<z.ZodType>(isSchema, 'expected a zod schema');

const taskSchema = z.strictObject({ ...commonTaskOptions, context: zodSchema });

const buildSchema = z.strictObject({
  output: z.custom<TaskPlan['output']>(isFunction, 'expected a function').optional(),
});

const stepSchema = z.strictObject({
  ...commonStepOptions,
  output: zodSchema,
  run: z.custom<Effect<never, never, unknown>>(isFunction, 'expected a function').optional(),
  check: z.custom<Check<never, never, unknown, string>>(isFunction, 'expected a function').optional(),
  issues: z.record(z.string().regex(/^[a-z][a-z0-9_]*$/), z.string()).optional(),
});

/** A definition as it is written: nothing checked yet. */
interface Draft {
  readonly task: unknown;
  readonly steps: readonly { readonly name: string; readonly options: object }[];
}

interface UntypedBuilder {
  step(name: string, options: object): UntypedBuilder;
  build(options?: unknown): TaskDefinition<unknown, unknown, unknown, unknown>;
}

function builderOf(draft: Draft): UntypedBuilder {
  return {
    step: (name, options) => builderOf({ ...draft, steps: [...draft.steps, { name, options }] }),
    build: (options = {}) => define(draft, options),
  };
}

function define(draft: Draft, options: unknown = {}): TaskDefinition<unknown, unknown, unknown, unknown> {
  const { context, ...task } = parse(taskSchema, draft.task, nameIn(draft.task));
  const { output } = parse(buildSchema, options, task.name, [], 'build');
  const effects: Record<string, Effect<never, never, unknown>> = {};
  const steps = draft.steps.map(({ name, options }) => {
    const step = parse(stepSchema, { ...options, name }, task.name, [name], name || '(a step)');
    if (step.run) effects[step.name] = step.run;
    return planOf(task, step);
  });
  const followed = new Set(steps.flatMap(({ after }) => after));
  const last = steps.map(({ name }) => name).filter((name) => !followed.has(name));
  const plan: TaskPlan = {
    ...task,
    description: task.description,
    steps,
    output: output ?? ((results) => Object.fromEntries(last.map((name) => [name, results[name]]))),
  };
  return new TaskDefinition(plan, context, effects);
}

function planOf(
  task: Omit<z.output<typeof taskSchema>, 'context'>,
  step: z.output<typeof stepSchema>,
): StepPlan & { stage: string | undefined } {
  const { name, after, stage, description, output, check, issues, event, within } = step;
  const placed = { name, after, stage, description, output, awaited: [], task: task.name };
  const refuse = (reason: string) => new DefinitionError(task.name, [name], reason);
  if (within !== undefined && event === undefined) {
    throw refuse(`step "${name}" has a "within", which is how long a step waits for its "event".`);
  }
  if (event !== undefined) {
    const odd = (['run', 'check', 'issues', 'retry', 'timeout'] as const).find((option) => step[option]);
    if (odd) throw refuse(`step "${name}" waits for an event, and has a "${odd}" too.`);
    return { ...placed, kind: 'event', event, within };
  }
  if (!check) {
    if (issues) throw refuse(`step "${name}" declares "issues" but has no "check" to find them.`);
    return {
      ...placed,
      kind: 'effect',
      retry: retryPolicy(task.retry, step.retry ?? {}),
      timeout: step.timeout ?? task.timeout,
    };
  }
  if (step.run) throw refuse(`step "${name}" has both "run" and "check".`);
  if (!issues || Object.keys(issues).length === 0) {
    throw refuse(`check "${name}" declares no "issues"; give each code its reason.`);
  }
  const idle = (['retry', 'timeout'] as const).find((option) => step[option] !== undefined);
  if (idle) throw refuse(`check "${name}" has a "${idle}", but a check is computed once, at once.`);
  return { ...placed, kind: 'check', check, issues };
}

/** @param at What of the task the data is, for the error; none for its own options. */
function parse<Schema extends z.ZodType>(
  schema: Schema,
  data: unknown,
  task: string,
  steps: readonly string[] = [],
  at?: string,
) {
  const parsed = schema.safeParse(data, { reportInput: true });
  if (parsed.success) return parsed.data;
  const issues = formatIssues(issuesOf(parsed.error.issues, at === undefined ? [] : [at]));
  throw new DefinitionError(task, steps, `its definition is wrong: ${issues}.`);
}

function nameIn(data: unknown): string {
  return z.looseObject({ name: z.string() }).safeParse(data).data?.name ?? '(without a name)';
}

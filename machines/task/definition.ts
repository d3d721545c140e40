import type {
  AnyActorRef,
  AnyStateMachine,
  EventObject,
  MetaObject,
  ParameterizedObject,
  StateMachine,
  StateSchema,
  StateValue,
} from 'xstate';
import { z } from 'zod';
import { issuesOf } from '../issue.ts';
import {
  type AttemptLogic,
  assertOutput,
  attemptOf,
  type CancelEvent,
  type Effect,
  PermanentError,
  type Random,
  type StepEvent,
  type StepPlan,
  type TaskContext,
  type TaskInput,
  type TaskOutput,
} from '../step/index.ts';
import { type TaskPlan, taskChart } from './chart.ts';
import { DefinitionError } from './definition-error.ts';
import { RequestError } from './request-error.ts';

/** A task's chart: an ordinary XState machine, to be run by `createActor`, durably or not. */
export type TaskMachine<Context, Results, Output, Events extends StepEvent = never> = StateMachine<
  TaskContext<Context, Partial<Results>>,
  CancelEvent | Events,
  Record<string, AnyActorRef | undefined>,
  { src: string; logic: AttemptLogic; id: string | undefined },
  ParameterizedObject,
  ParameterizedObject,
  string,
  StateValue,
  string,
  TaskInput<Context, Partial<Results>>,
  TaskOutput<Output>,
  EventObject,
  MetaObject,
  StateSchema
>;

/** By step's name, the effects of a task, as its types have them. */
// A function of any arguments is assignable to `Effect<never, never, …>` alone.
export type Effects = Readonly<Record<string, Effect<never, never, unknown>>>;

export interface ProvideOptions {
  /** What draws the waits between attempts. @default as before, at first Math.random */
  readonly random?: Random;
}

/** A step as it is shown: what its definition says, without functions. */
export interface StepSummary {
  readonly name: string;
  readonly kind: StepPlan['kind'];
  readonly after: readonly string[];
  readonly description: string | undefined;
  /** The type of the event that it waits for, if it waits for one. */
  readonly event: string | undefined;
}

/**
 * A task as it was defined: its machine, and what is to be known about it. Immutable.
 *
 * Type parameters: the request's context, outputs by step, effects by step, what the task gives, and the events that its steps
 * wait for.
 */
export class TaskDefinition<Context, Results, StepEffects, Output, Events extends StepEvent = never> {
  readonly name: string;
  readonly version: string;
  readonly description: string | undefined;
  /** In order of writing. */
  readonly steps: readonly StepSummary[];
  /** The names of the steps that run side by side, stage after stage. */
  readonly stages: readonly (readonly string[])[];
  readonly machine: TaskMachine<Context, Results, Output, Events>;
  readonly #plan: TaskPlan;
  readonly #context: z.ZodType;
  readonly #effects: Effects;
  readonly #random: Random;

  /** @throws {DefinitionError} The steps do not make a task, or an effect is given for none of them. */
  constructor(
    plan: TaskPlan,
    context: z.ZodType,
    effects: Effects,
    { random = Math.random }: ProvideOptions = {},
  ) {
    if (typeof random !== 'function') {
      throw new DefinitionError(plan.name, [], `random is to be a function; it is ${kindOf(random)}.`);
    }
    const { machine, stages } = taskChart(plan);
    this.name = plan.name;
    this.version = plan.version;
    this.description = plan.description;
    this.steps = plan.steps.map((step) => {
      const { name, kind, after, description } = step;
      return { name, kind, after, description, event: kind === 'event' ? step.event : undefined };
    });
    this.stages = stages;
    this.#plan = plan;
    this.#context = context;
    this.#effects = effects;
    this.#random = random;
    for (const [step, effect] of Object.entries(effects)) {
      if (plan.steps.some(({ name, kind }) => name === step && kind === 'effect')) {
        if (typeof effect === 'function') continue;
        throw new DefinitionError(
          plan.name,
          [step],
          `the effect of "${step}" is to be a function; it is ${kindOf(effect)}.`,
        );
      }
      const known = plan.steps.filter(({ kind }) => kind === 'effect').map(({ name }) => `"${name}"`);
      throw new DefinitionError(
        plan.name,
        [step],
        `an effect is provided for "${step}", which is none of its steps with an effect: ${known.join(', ')}.`,
      );
    }
    const actors = plan.steps.flatMap((step) =>
      step.kind === 'effect' ? [[step.name, attemptOf(step, effectOf(step.name, effects), random)]] : [],
    );
    this.machine = machine.provide({ actors: Object.fromEntries(actors) }) as unknown as typeof this.machine;
  }

  /**
   * The same task with effects filled in, by step: those that its definition only named, or others in place of
   * those it has.
   *
   * @example
   * ```ts
   * const order = orderTask.provide({ fetch_cart: async ({ context, signal }) => shop.cart(context.cart_id, { signal }) });
   * createActor(order.machine, { input: { id: 'order-1', context: { cart_id: 1 } } }).start();
   * ```
   */
  provide(
    effects: Partial<StepEffects>,
    options: ProvideOptions = {},
  ): TaskDefinition<Context, Results, StepEffects, Output, Events> {
    for (const [what, given] of Object.entries({ effects, options })) {
      if (kindOf(given) === 'object') continue;
      throw new DefinitionError(
        this.name,
        [],
        `the ${what} that provide is given are to be an object; they are ${kindOf(given)}.`,
      );
    }
    const { random = this.#random } = options;
    return new TaskDefinition(
      this.#plan,
      this.#context,
      { ...this.#effects, ...(effects as Effects) },
      { random },
    );
  }

  /**
   * Parses the context of a request.
   *
   * @throws {RequestError} It names each field that is wrong: `context.cart_id`.
   * @throws {DefinitionError} The schema is asynchronous.
   */
  parseContext(context: unknown): Context {
    const parsed = this.#parsed(context);
    if (parsed.success) return parsed.data as Context;
    throw new RequestError(this.name, issuesOf(parsed.error.issues, ['context']));
  }

  /**
   * Parses an output that is given to a step by hand, as the step's own would be.
   *
   * @throws {RequestError} There is no such step, or it names each field that is wrong: `results.fetch_cart.id`.
   */
  async parseOutput(step: string, output: unknown): Promise<unknown> {
    const plan = this.#plan.steps.find(({ name }) => name === step);
    if (!plan) {
      const known = this.steps.map(({ name }) => `"${name}"`).join(', ');
      throw new RequestError(this.name, [
        { path: `results.${step}`, message: `no step is named "${step}"; there is ${known}` },
      ]);
    }
    const parsed = await plan.output.safeParseAsync(output, { reportInput: true });
    if (!parsed.success) throw new RequestError(this.name, issuesOf(parsed.error.issues, ['results', step]));
    assertOutput(step, parsed.data);
    return parsed.data;
  }

  #parsed(context: unknown): z.ZodSafeParseResult<unknown> {
    try {
      return this.#context.safeParse(context, { reportInput: true });
    } catch (error) {
      if (!(error instanceof z.core.$ZodAsyncError)) throw error;
      throw new DefinitionError(
        this.name,
        [],
        'its context schema is asynchronous, but a request is checked at once. Let a step do what takes time.',
      );
    }
  }
}

/** Any task definition, where its types do not matter: what hosts and doors need of one. */
export interface AnyTaskDefinition
  extends Pick<
    TaskDefinition<unknown, unknown, unknown, unknown>,
    'name' | 'version' | 'description' | 'steps' | 'stages'
  > {
  // Machines are invariant in their context: no other type has them all.
  readonly machine: AnyStateMachine;
  parseContext(context: unknown): unknown;
  parseOutput(step: string, output: unknown): Promise<unknown>;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : typeof value;
}

function effectOf(step: string, effects: Effects): Effect<never, never, unknown> {
  // A step may be named as objects' own properties are: "constructor".
  const given = Object.hasOwn(effects, step) ? effects[step] : undefined;
  if (given) return given;
  return () => {
    throw new PermanentError(`Step "${step}" has no effect; give it one with .provide({ ${step}: … }).`, {
      code: 'no_effect',
    });
  };
}

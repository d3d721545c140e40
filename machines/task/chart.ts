import { STATUS_OF_STATE } from '../status.ts';
import { isStrayPromise, type StepPlan, stepChart, type TaskOutput, vocabularyFor } from '../step/index.ts';
import { DefinitionError } from './definition-error.ts';
import { checkGraph, cutIntoStages } from './graph.ts';

/**
 * The chart of a task: its stages one after another, a stage of several steps as a parallel state with a region a step.
 *
 *     fetching ─────────────→ validating → creating → publishing → succeeded
 *     ║ fetch_cart          ║     │
 *     ║ fetch_products      ║     └→ rejected      any step → failed      task.cancel → cancelled
 *
 * Invariants:
 * - T1. No step starts before every step it comes after has succeeded.
 * - T2. Stages delay no step: all steps of a stage depend on all earlier stages (see `graph.ts`).
 *   A step whose output is given is passed over where it stands; what comes after it still waits for the stages before.
 * - T3. The task ends in exactly one of `succeeded`, `failed`, `rejected`, `cancelled`, and what ran then is stopped.
 * - T4. Its states, tags and context are all there is to know of it: nothing is kept beside them.
 */
export interface TaskPlan {
  readonly name: string;
  readonly version: string;
  readonly description: string | undefined;
  /** In order of writing. */
  readonly steps: readonly (StepPlan & { readonly stage: string | undefined })[];
  /** What the task gives, from the outputs of its steps. Pure. */
  readonly output: (results: Readonly<Record<string, unknown>>) => unknown;
}

/** XState's work for a parallel state grows with the cube of its regions: 100 cost 0.3 s a task, 1,000 minutes. */
const WIDEST_STAGE = 100;

const ENDS = ['succeeded', 'failed', 'rejected', 'cancelled'] as const;

/** @throws {DefinitionError} The steps do not make a task. */
export function taskChart(plan: TaskPlan) {
  checkGraph(plan.name, plan.steps);
  const vocabulary = vocabularyFor(plan.steps);
  const stages = cutIntoStages(plan.steps).map((steps) => {
    const names = steps.map(({ name }) => name);
    if (names.length > WIDEST_STAGE) {
      throw new DefinitionError(
        plan.name,
        names,
        `${names.length} of its steps run side by side, more than a chart can hold (${WIDEST_STAGE}). Make one step of several, or let some come after others.`,
      );
    }
    const regions = steps.map((step) => {
      const awaited = step.after.filter((other) => names.includes(other));
      return [step.name, stepChart(vocabulary, { ...step, awaited })] as const;
    });
    return { key: stageKey(plan.name, steps), names, regions };
  });
  const taken = new Map<string, readonly string[]>(ENDS.map((end) => [end, []]));
  for (const { key, names } of stages) {
    const others = taken.get(key);
    if (others) {
      const by =
        others.length > 0
          ? `the stage of ${others.join(' and ')}`
          : 'one of the states in which every task ends';
      throw new DefinitionError(
        plan.name,
        [...names, ...others],
        `the stage of ${names.join(' and ')} cannot be named "${key}": so is ${by}. Give "stage" another name.`,
      );
    }
    taken.set(key, names);
  }

  const states = stages.map(({ key, names, regions }, index) => {
    const [first, ...more] = regions;
    const onDone = stages[index + 1]?.key ?? 'succeeded';
    const common = { tags: [STATUS_OF_STATE.running], onDone };
    const state =
      first && more.length === 0
        ? { ...first[1], ...common }
        : vocabulary.createStateConfig({
            ...common,
            type: 'parallel',
            description: `Runs ${names.join(', ')} side by side.`,
            meta: { stage: names },
            states: Object.fromEntries(regions),
          });
    return [key, state] as const;
  });

  const machine = vocabulary.createMachine({
    id: plan.name,
    version: plan.version,
    ...(plan.description && { description: plan.description }),
    context: ({ input }) => ({
      id: input.id,
      context: input.context,
      results: input.results ?? {},
      steps: Object.fromEntries(plan.steps.map(({ name }) => [name, { attempts: 0 }])),
    }),
    initial: stages[0]?.key ?? 'succeeded',
    on: {
      'task.cancel': {
        description: 'Ends the task wherever it is.',
        target: '.cancelled',
        actions: { type: 'cancelTask', params: ({ event }) => ({ reason: event.reason }) },
      },
    },
    states: {
      ...Object.fromEntries(states),
      succeeded: {
        type: 'final',
        description: 'Every step has succeeded.',
        tags: [STATUS_OF_STATE.succeeded],
        output: ({ context }) => ({ status: 'complete' as const, output: outputOf(plan, context.results) }),
      },
      failed: {
        type: 'final',
        description: 'A step has failed; nothing of the task runs any more.',
        tags: [STATUS_OF_STATE.failed],
        output: ({ context }) => ({ status: 'error' as const, error: context.error }),
      },
      rejected: {
        type: 'final',
        description: 'A check has found issues; the error names all of them.',
        tags: [STATUS_OF_STATE.rejected],
        output: ({ context }) => ({ status: 'error' as const, error: context.error }),
      },
      cancelled: {
        type: 'final',
        description: 'Cancelled from outside.',
        tags: [STATUS_OF_STATE.cancelled],
        output: ({ context }) => ({ status: 'cancelled' as const, error: context.error }),
      },
    },
    output: ({ event }) => event.output as TaskOutput,
  });
  return { machine, stages: stages.map(({ names }) => names) };
}

/** What the task gives. What is thrown here puts the task's actor in error: see `reportOf`. */
function outputOf(plan: TaskPlan, results: Parameters<TaskPlan['output']>[0]): unknown {
  const output = plan.output(results);
  if (!isStrayPromise(output)) return output;
  throw new Error(
    `The "output" of task "${plan.name}" gave a promise; it is to be computed synchronously. What takes time belongs in a step.`,
  );
}

/** The name of a stage's state: the one its steps give, else made of their names. */
function stageKey(task: string, steps: TaskPlan['steps']): string {
  const given = steps.filter(({ stage }) => stage !== undefined);
  const [first, ...others] = given;
  if (!first?.stage) return steps.map(({ name }) => name).join('_and_');
  const odd = others.find(({ stage }) => stage !== first.stage);
  if (odd) {
    throw new DefinitionError(
      task,
      [first.name, odd.name],
      `steps "${first.name}" and "${odd.name}" run in one stage but name it differently: "${first.stage}" and "${odd.stage}".`,
    );
  }
  return first.stage;
}

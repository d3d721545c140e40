/** Never run: `tsc --noEmit` checks that what should compile does, and that what should not does not. */
import { expectTypeOf } from 'vitest';
import { createActor, fromPromise, type SnapshotFrom, toPromise } from 'xstate';
import { z } from 'zod';
import type { EffectArguments, TaskError, TaskInput, TaskOutput } from '../../../machines/step/index.ts';
import { type AnyTaskDefinition, defineTask, taskFromData } from '../../../machines/task/index.ts';

const cart = z.object({ id: z.int(), total: z.number().default(0) });
type Cart = z.output<typeof cart>;
const names = z.array(z.string());

const begun = defineTask({ name: 'order', version: '1', context: z.object({ cart_id: z.coerce.number() }) })
  .step('fetch_cart', {
    output: cart,
    run: ({ id, context, results, key, attempt, signal }) => {
      expectTypeOf(id).toEqualTypeOf<string>();
      expectTypeOf(context).toEqualTypeOf<{ cart_id: number }>();
      expectTypeOf(results).toEqualTypeOf<Readonly<Pick<Record<never, never>, never>>>();
      expectTypeOf(key).toEqualTypeOf<string>();
      expectTypeOf(attempt).toEqualTypeOf<number>();
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
      // What the schema fills in may be left out.
      return { id: context.cart_id };
    },
  })
  .step('fetch_names', { output: names });

const order = begun
  .step('validate', {
    after: ['fetch_cart', 'fetch_names'],
    output: z.object({ count: z.number() }),
    issues: { empty: 'the cart is empty', unknown: 'a product is not known' },
    check: ({ id, context, results }) => {
      expectTypeOf(id).toEqualTypeOf<string>();
      expectTypeOf(context.cart_id).toEqualTypeOf<number>();
      expectTypeOf(results.fetch_cart).toEqualTypeOf<Cart>();
      expectTypeOf(results.fetch_names).toEqualTypeOf<string[]>();
      if (results.fetch_names.length === 0) return { issues: [{ code: 'empty', message: 'It is empty.' }] };
      return { output: { count: results.fetch_names.length } };
    },
  })
  .step('create', {
    after: ['validate', 'fetch_cart'],
    output: z.object({ status: z.literal('made') }),
    retry: { attempts: 'unlimited' },
    run: async ({ results }) => {
      expectTypeOf(results.validate.count).toEqualTypeOf<number>();
      expectTypeOf(results.fetch_cart.total).toEqualTypeOf<number>();
      // @ts-expect-error The names are not among what this step comes after.
      results.fetch_names;
      return { status: 'made' as const };
    },
  })
  .build();

// @ts-expect-error What a task gives is computed synchronously.
begun.build({ output: async ({ fetch_names }) => fetch_names.length });

// What a task gives: the outputs of its last steps, or what its `output` makes of all of them.
const counted = begun.build({ output: ({ fetch_names }) => fetch_names.length });
const ended = await toPromise(createActor(counted.machine, { input: { id: '1', context: { cart_id: 1 } } }));
if (ended.status === 'complete') expectTypeOf(ended.output).toEqualTypeOf<number>();
else expectTypeOf(ended.error).toEqualTypeOf<TaskError>();
// @ts-expect-error No such step.
begun.build({ output: ({ fetch_nothing }) => fetch_nothing });

// What comes after what.
const output = z.null();
const run = () => null;
// @ts-expect-error A misspelt name.
begun.step('next', { after: ['fetch_card'], output, run });
// @ts-expect-error A misspelt name beside a right one.
begun.step('next', { after: ['fetch_cart', 'fetch_card'], output, run });
// @ts-expect-error A step that is written later.
begun.step('next', { after: ['later'], output, run }).step('later', { output, run });
// @ts-expect-error Itself.
begun.step('next', { after: ['next'], output, run });
// @ts-expect-error A name that is taken.
begun.step('fetch_cart', { output, run });
// @ts-expect-error A check after a misspelt name.
begun.step('next', { after: ['fetch_card'], output, issues: { bad: '' }, check: () => ({ output: null }) });
// @ts-expect-error The first step comes after none.
defineTask({ name: 'a', version: '1', context: z.null() }).step('b', { after: ['c'], output, run });

// What a step gives.
// @ts-expect-error The effect gives a number where its schema has a string.
begun.step('next', { output: z.string(), run: () => 1 });
// @ts-expect-error So does a promise of one.
begun.step('next', { output: z.string(), run: async () => 1 });
// @ts-expect-error So does a check.
begun.step('next', { output: z.string(), issues: { bad: '' }, check: () => ({ output: 1 }) });
// @ts-expect-error Without a schema, nobody knows what it gives.
begun.step('next', { run });

// Checks.
begun.step('next', {
  output,
  issues: { empty: 'it is empty' },
  // @ts-expect-error An issue that is not declared.
  check: () => ({ issues: [{ code: 'emty', message: 'It is empty.' }] }),
});
// @ts-expect-error A check that declares no issues.
begun.step('next', { output, check: () => ({ output: null }) });
// @ts-expect-error A check is given what belongs to attempts as little as it is retried.
begun.step('next', { output, issues: { bad: '' }, check: ({ signal }) => ({ output: signal }) });
// @ts-expect-error A check is not retried.
begun.step('next', { output, issues: { bad: '' }, check: () => ({ output: null }), retry: { attempts: 2 } });
// @ts-expect-error Nor timed.
begun.step('next', { output, issues: { bad: '' }, check: () => ({ output: null }), timeout: 5 });
// @ts-expect-error Nor asynchronous.
begun.step('next', { output, issues: { bad: '' }, check: async () => ({ output: null }) });
// @ts-expect-error A step is an effect or a check.
begun.step('next', { output, run, issues: { bad: '' }, check: () => ({ output: null }) });

// Options.
// @ts-expect-error An unknown jitter.
begun.step('next', { output, run, retry: { jitter: 'some' } });
// @ts-expect-error An unknown option.
begun.step('next', { output, run, retries: 3 });

// Effects are provided by step.
order.provide({ fetch_names: () => ['a'], create: async () => ({ status: 'made' }) });
order.provide({
  fetch_cart: async ({ context, results }) => {
    expectTypeOf(context).toEqualTypeOf<{ cart_id: number }>();
    expectTypeOf(results).toEqualTypeOf<Readonly<Pick<Record<never, never>, never>>>();
    return { id: context.cart_id };
  },
  create: (args) => {
    expectTypeOf(args).toExtend<EffectArguments<{ cart_id: number }, object>>();
    expectTypeOf(args.results.validate).toEqualTypeOf<{ count: number }>();
    return { status: 'made' };
  },
});
// @ts-expect-error No such step.
order.provide({ fetch_name: () => [] });
// @ts-expect-error A check takes no effect.
order.provide({ validate: () => ({ count: 1 }) });
// @ts-expect-error A wrong output.
order.provide({ fetch_names: () => [1] });
// @ts-expect-error The output of a step that it does not come after.
order.provide({ create: ({ results }) => (results.fetch_names ? { status: 'made' } : { status: 'made' }) });

// The machine: input, context, output.
expectTypeOf(order.parseContext(null)).toEqualTypeOf<{ cart_id: number }>();
createActor(order.machine, { input: { id: '1', context: { cart_id: 1 } } });
createActor(order.machine, {
  input: { id: '1', context: { cart_id: 1 }, results: { fetch_names: ['a'] } },
}).send({ type: 'task.cancel', reason: 'enough' });
// @ts-expect-error The context is missing.
createActor(order.machine, { input: { id: '1' } });
// @ts-expect-error There is no input at all.
createActor(order.machine);
// @ts-expect-error A context of another shape.
createActor(order.machine, { input: { id: '1', context: { cart: 1 } } });
// @ts-expect-error A result of another shape.
createActor(order.machine, { input: { id: '1', context: { cart_id: 1 }, results: { fetch_names: 1 } } });
// @ts-expect-error A result of no step.
createActor(order.machine, { input: { id: '1', context: { cart_id: 1 }, results: { fetch_card: 1 } } });
// @ts-expect-error An unknown event.
createActor(order.machine, { input: { id: '1', context: { cart_id: 1 } } }).send({ type: 'task.stop' });
const approved = begun
  .step('approve', {
    after: ['fetch_cart'],
    event: 'order.approved',
    within: 5,
    output: z.object({ by: z.string() }),
  })
  .step('ship', { after: ['approve'], output: z.string(), run: ({ results }) => results.approve.by })
  .build();
const approving = createActor(approved.machine, { input: { id: '1', context: { cart_id: 1 } } });
approving.send({ type: 'order.approved', data: { by: 'me' } });
approving.send({ type: 'task.cancel' });
// @ts-expect-error Other data.
approving.send({ type: 'order.approved', data: { by: 5 } });
// @ts-expect-error An event that no step waits for.
approving.send({ type: 'order.refused' });
// @ts-expect-error It waits for an event or has an effect.
begun.step('both', { event: 'x', output: z.string(), run: () => 'x' });

type OrderSnapshot = SnapshotFrom<typeof order.machine>;
expectTypeOf<OrderSnapshot['context']['context']>().toEqualTypeOf<{ cart_id: number }>();
expectTypeOf<OrderSnapshot['context']['results']['fetch_cart']>().toEqualTypeOf<Cart | undefined>();
expectTypeOf<OrderSnapshot['context']['results']['create']>().toEqualTypeOf<{ status: 'made' } | undefined>();
expectTypeOf<OrderSnapshot['output']>().toEqualTypeOf<
  TaskOutput<Readonly<{ create: { status: 'made' } }>> | undefined
>();

// Logic of one's own would skip what an attempt is held to: time, schema, classification.
// @ts-expect-error Effects are given to the definition's `provide`.
order.machine.provide({ actors: { fetch_names: fromPromise(async () => ['a']) } });

// Any definition is one whose types do not matter.
expectTypeOf(order).toExtend<AnyTaskDefinition>();
expectTypeOf(taskFromData(null)).toExtend<AnyTaskDefinition>();
const any: AnyTaskDefinition = order;
createActor(any.machine, { input: { id: '1', context: any.parseContext({}) } satisfies TaskInput });

// A task from data has steps that types do not know.
taskFromData(null).provide({ anything: ({ results }: EffectArguments<unknown, object>) => results });

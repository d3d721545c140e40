import { expect, test } from 'vitest';
import { createActor } from 'xstate';
import { z } from 'zod';
import { defineTask, reportOf, type TaskSnapshot } from '../../../machines/task/index.ts';
import { VirtualClock } from '../../virtual-time.ts';

const task = defineTask({ name: 'task', version: '1', context: z.object({ a: z.number() }) })
  .step('one', { output: z.string(), run: () => 'defined' })
  .step('two', { after: ['one'], output: z.array(z.string()) })
  .build();

async function outputOf({ machine }: typeof task): Promise<unknown> {
  const clock = new VirtualClock();
  const actor = createActor(machine, { clock, input: { id: 'id', context: { a: 1 } } }).start();
  await clock.run();
  const { output, error } = reportOf(actor.getSnapshot() as TaskSnapshot);
  return output ?? error;
}

test('effects that were named only are filled in, and those that were defined stay', async () => {
  const filled = task.provide({ two: ({ results }) => [results.one] });
  expect(await outputOf(filled)).toEqual({ two: ['defined'] });
});

test('effects that were defined may be put in the place of others, one after another', async () => {
  const first = task.provide({ one: () => 'provided', two: ({ results }) => [results.one] });
  const second = first.provide({ one: () => 'again' });
  expect(await outputOf(first)).toEqual({ two: ['provided'] });
  expect(await outputOf(second)).toEqual({ two: ['again'] });
});

test('the definition stays as it was', async () => {
  task.provide({ two: () => [] });
  expect(await outputOf(task)).toMatchObject({ code: 'no_effect', step: 'two' });
});

test('the random source stays, too, until another is given', async () => {
  const fail = () => Promise.reject(new Error('Oh.'));
  const endOf = async ({ machine }: typeof task) => {
    const clock = new VirtualClock();
    createActor(machine, { clock, input: { id: 'id', context: { a: 1 } } }).start();
    await clock.run();
    return clock.now();
  };
  const lowest = task.provide({ one: fail }, { random: () => 0 });
  expect(await endOf(lowest)).toBe(1_500);
  expect(await endOf(lowest.provide({ two: () => [] }))).toBe(1_500);
  expect(await endOf(lowest.provide({}, { random: () => 0.5 }))).toBe(2_250);
});

test('an effect is given its task, its inputs and its key, the same on every attempt', async () => {
  const clock = new VirtualClock();
  const seen: unknown[] = [];
  const { machine } = task.provide({
    two: ({ signal, ...args }) => {
      seen.push(args);
      if (args.attempt < 3) throw new Error('Oh.');
      return [];
    },
  });
  createActor(machine, { clock, input: { id: 'order-1', context: { a: 1 } } }).start();
  await clock.run();
  const args = { id: 'order-1', context: { a: 1 }, results: { one: 'defined' }, key: 'order-1/two' };
  expect(seen).toEqual([1, 2, 3].map((attempt) => ({ ...args, attempt })));
});

test('the output of a task is what its definition makes of the results', async () => {
  const counted = defineTask({ name: 'task', version: '1', context: z.unknown() })
    .step('one', { output: z.number(), run: () => 1 })
    .step('two', { after: ['one'], output: z.number(), run: ({ results }) => results.one + 1 })
    .build({ output: ({ one, two }) => one + two });
  const clock = new VirtualClock();
  const actor = createActor(counted.machine, { clock, input: { id: 'id', context: null } }).start();
  await clock.run();
  expect(actor.getSnapshot().output).toEqual({ status: 'complete', output: 3 });
});

test.each<[string, () => unknown, RegExp]>([
  [
    'gives a promise that rejects',
    () => Promise.reject(new Error('Oh.')),
    /"output" of task "task" gave a promise/,
  ],
  ['throws', () => expect.fail('Oh.'), /Oh\./],
])('an output of the task that %s ends it in an error', async (_, output, message) => {
  const failing = defineTask({ name: 'task', version: '1', context: z.unknown() })
    .step('one', { output: z.number(), run: () => 1 })
    .build({ output: output as () => unknown });
  const clock = new VirtualClock();
  const actor = createActor(failing.machine, { clock, input: { id: 'id', context: null } });
  actor.subscribe({ error: () => {} });
  actor.start();
  await clock.run();
  expect(reportOf(actor.getSnapshot() as TaskSnapshot)).toMatchObject({
    status: 'error',
    error: { code: 'crashed', message: expect.stringMatching(message) },
  });
});

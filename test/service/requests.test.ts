import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineTask, RequestError } from '../../machines/task/index.ts';
import { TaskNotFoundError } from '../../src/service/index.ts';
import { refuseStrayErrors } from '../machines/supervisor/stray-errors.ts';
import { openStand, work } from './stand.ts';

refuseStrayErrors();

const order = defineTask({
  name: 'order',
  version: '1',
  context: z.object({ cart_id: z.int().min(1), note: z.string().optional() }),
})
  .step('work', { output: z.string(), run: () => 'done' })
  .build();

const paths = async (asked: Promise<unknown>) => {
  const error: unknown = await asked.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RequestError);
  return (error as RequestError).issues.map(({ path }) => path);
};

describe('a request that is not as it should be', () => {
  test.each<[string, unknown, string[]]>([
    ['nothing', undefined, ['']],
    ['null', null, ['']],
    ['a text', 'order', ['']],
    ['a list', [], ['']],
    ['without a name', { context: { cart_id: 1 } }, ['name']],
    ['with a name of a wrong form', { name: 'Order!', context: { cart_id: 1 } }, ['name']],
    ['for a task that is not known', { name: 'oder', context: { cart_id: 1 } }, ['name']],
    ['without its context', { name: 'order' }, ['context.cart_id']],
    [
      'with a wrong context',
      { name: 'order', context: { cart_id: 'one', note: 7 } },
      ['context.cart_id', 'context.note'],
    ],
    ['with a context that is none', { name: 'order', context: 1 }, ['context']],
    [
      'with a context that is no JSON',
      { name: 'order', context: { cart_id: 1, note: new Date() } },
      ['context.note'],
    ],
    [
      'with fields that are not known',
      { name: 'order', context: { cart_id: 1 }, prio: 1, when: 2 },
      ['prio', 'when'],
    ],
    [
      'with a field that is not known and a wrong context',
      { name: 'order', context: { cart_id: 'one' }, prio: 1 },
      ['prio', 'context.cart_id'],
    ],
    [
      'with a field that is not known, for a task that is not known',
      { name: 'oder', prio: 1 },
      ['prio', 'name'],
    ],
    ['with a bad id', { name: 'order', context: { cart_id: 1 }, id: 'a/b' }, ['id']],
    ['with an id that is too long', { name: 'order', context: { cart_id: 1 }, id: 'x'.repeat(129) }, ['id']],
    [
      'wrong all over',
      {
        name: 'order',
        context: { cart_id: 1 },
        initiator: 1,
        reason: 2,
        source_system: 3,
        tags: 'a',
        requested_at: 'now',
        run_at: 'soon',
      },
      ['initiator', 'reason', 'source_system', 'tags', 'requested_at', 'run_at'],
    ],
  ])('%s is refused: each field is named, nothing is stored', async (_, request, expected) => {
    await using stand = openStand();
    const service = await stand.serve([order]);
    expect(await paths(service.submit(request))).toEqual(expected);
    const message = await service.submit(request).catch(({ message }: Error) => message);
    for (const path of expected) expect(message).toContain(path);
    await stand.pass(60_000);
    expect(stand.reports).toEqual([]);
  });

  test('because it is too large is refused by its size, and leaves nothing behind', async () => {
    await using stand = openStand();
    const service = await stand.serve([order]);
    const request = { id: 'a', name: 'order', context: { cart_id: 1, note: 'x'.repeat(2_000_000) } };
    await expect(service.submit(request)).rejects.toMatchObject({ name: 'TooLargeError', limit: 1_048_576 });
    await stand.pass();
    await expect(service.task('a')).rejects.toThrow('There is no task "a"');
  });

  test('for an unknown task is told which there are', async () => {
    await using stand = openStand();
    const service = await stand.serve([order, work().task]);
    await expect(service.submit({ name: 'oder' })).rejects.toThrow(
      'no task is named "oder"; there is "order", "work"',
    );
  });
});

describe('a request', () => {
  test('without an id gets one, a new one each time', async () => {
    await using stand = openStand();
    const service = await stand.serve([order]);
    const request = { name: 'order', context: { cart_id: 1 } };
    const one = await service.submit(request);
    const other = await service.submit(request);
    expect(one.id).not.toBe(other.id);
    await expect(service.task(one.id)).resolves.toMatchObject({ id: one.id, name: 'order', version: '1' });
  });

  test('is not changed by what its caller does to it afterwards', async () => {
    await using stand = openStand();
    const service = await stand.serve([order]);
    const request = { id: 'a', name: 'order', context: { cart_id: 1 }, tags: ['one'] };
    const submitted = service.submit(request);
    request.context.cart_id = 99;
    request.tags.push('two');
    await submitted;
    await expect(
      service.submit({ id: 'a', name: 'order', context: { cart_id: 1 }, tags: ['one'] }),
    ).resolves.toMatchObject({ id: 'a' });
  });

  test.each(['__proto__', 'constructor', '-', 'A_b-9', 'x'.repeat(128)])(
    'under the id %s runs',
    async (id) => {
      await using stand = openStand();
      const service = await stand.serve([order]);
      const task = await service.submit({ id, name: 'order', context: { cart_id: 1 } });
      await expect(task.result()).resolves.toMatchObject({ id, status: 'complete' });
    },
  );
});

test('a task that was never asked for is not found, by its id', async () => {
  await using stand = openStand();
  const service = await stand.serve([order]);
  const found = service.task('nobody');
  await expect(found).rejects.toThrow(TaskNotFoundError);
  await expect(found).rejects.toThrow('There is no task "nobody".');
  await expect(found).rejects.toMatchObject({ name: 'TaskNotFoundError', id: 'nobody' });
});

import { describe, expect, test } from 'vitest';
import { TaskConflictError } from '../../src/service/index.ts';
import { refuseStrayErrors } from '../machines/supervisor/stray-errors.ts';
import { echoTask, openStand, work } from './stand.ts';

refuseStrayErrors();

const request = { id: 'a', name: 'work', context: { cart_id: 1 }, tags: ['t'] };

describe('the same request under the same id', () => {
  test('is the same task: while it runs, and after it has ended', async () => {
    await using stand = openStand();
    const { task, begun, finish } = work();
    const service = await stand.serve([task]);
    const first = await service.submit(request);
    await stand.pass();
    const again = await service.submit({ tags: ['t'], context: { cart_id: 1 }, name: 'work', id: 'a' });
    finish('a', 'well');
    await expect(again.result()).resolves.toEqual(await first.result());
    const later = await service.submit(request);
    await expect(later.result()).resolves.toMatchObject({ output: 'well' });
    await stand.pass(120_000);
    expect(begun).toEqual(['a']);
  });

  test('is told to be a duplicate, the first is not, and each knows what was asked for', async () => {
    await using stand = openStand();
    const service = await stand.serve([echoTask]);
    const echo = { ...request, name: 'echo' };
    const first = await service.submit(echo);
    await first.result();
    const [again, found] = [await service.submit(echo), await service.task('a')];
    expect([first, again, found].map(({ duplicate }) => duplicate)).toEqual([false, true, true]);
    for (const handle of [first, again, found]) expect(handle.request).toMatchObject(echo);
  });

  test('that a worker took from the inbox before who asked came to it is no duplicate', async () => {
    const accepted = Promise.withResolvers<void>();
    await using stand = openStand(({ inbox, journal }) => ({
      inbox: {
        submit: async (message) => {
          await inbox.submit(message);
          await accepted.promise;
        },
      },
      journal: {
        append: async (...commit) => {
          const sequence = await journal.append(...commit);
          accepted.resolve();
          return sequence;
        },
      },
    }));
    const { task } = work();
    const service = await stand.serve([task]);
    expect(await service.submit(request)).toMatchObject({ duplicate: false });
    expect(await service.task('a')).toMatchObject({ duplicate: true });
    expect(await service.submit(request)).toMatchObject({ duplicate: true });
  });

  test('fifty times at once is one task, and new once', async () => {
    await using stand = openStand();
    const { task, begun, finish } = work();
    const service = await stand.serve([task]);
    const handles = await Promise.all(Array.from({ length: 50 }, () => service.submit(request)));
    expect(handles.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    await stand.pass();
    finish('a');
    const results = await Promise.all(handles.map((handle) => handle.result()));
    expect(new Set(results.map((result) => JSON.stringify(result)))).toHaveProperty('size', 1);
    expect(begun).toEqual(['a']);
  });

  test('by way of two services at once is one task', async () => {
    await using stand = openStand();
    const { task, begun, finish } = work();
    const services = [await stand.serve([task]), await stand.serve([task])];
    const handles = await Promise.all([...services, ...services].map((service) => service.submit(request)));
    await stand.pass();
    finish('a');
    for (const handle of handles)
      await expect(handle.result()).resolves.toMatchObject({ status: 'complete' });
    expect(begun).toEqual(['a']);
  });

  test('with defaults written out is still the same', async () => {
    await using stand = openStand();
    const service = await stand.serve([work().task]);
    await service.submit({ id: 'a', name: 'work' });
    const same = {
      id: 'a',
      name: 'work',
      context: {},
      initiator: 'unknown',
      reason: 'unknown',
      source_system: 'unknown',
      tags: [],
    };
    await expect(service.submit(same)).resolves.toMatchObject({ id: 'a' });
  });
});

describe('another request under the same id', () => {
  test.each([
    ['context', { context: { cart_id: 2 } }],
    ['initiator', { initiator: 'someone' }],
    ['tags', { tags: ['t', 'u'] }],
    ['time', { run_at: '2027-01-01T00:00:00Z' }],
    ['name', { name: 'other' }],
  ])('of another %s is a conflict, and the first goes on unharmed', async (_, change) => {
    await using stand = openStand();
    const { task, begun, finish } = work();
    const other = work({ name: 'other' });
    const service = await stand.serve([task, other.task]);
    const first = await service.submit(request);
    await stand.pass();
    const refused = service.submit({ ...request, ...change });
    await expect(refused).rejects.toThrow(TaskConflictError);
    await expect(refused).rejects.toMatchObject({ name: 'TaskConflictError', id: 'a' });
    finish('a');
    await expect(first.result()).resolves.toMatchObject({ status: 'complete' });
    await expect(service.submit({ ...request, ...change })).rejects.toThrow(TaskConflictError);
    await stand.pass(120_000);
    expect([begun, other.begun]).toEqual([['a'], []]);
    expect(stand.reports).toEqual([]);
  });

  test('at the same instant: one of the two is run, the other is told', async () => {
    await using stand = openStand();
    const { task, begun, finish } = work();
    const other = work({ name: 'other' });
    const service = await stand.serve([task, other.task]);
    const asked = await Promise.allSettled([
      service.submit(request),
      service.submit({ ...request, name: 'other' }),
      service.submit({ ...request, context: { cart_id: 2 } }),
    ]);
    expect(asked.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected', 'rejected']);
    await stand.pass();
    expect([...begun, ...other.begun]).toEqual(['a']);
    if (begun.length > 0) finish('a');
    else other.finish('a');
    await stand.pass();
    await expect((await service.task('a')).view()).resolves.toMatchObject({ status: 'complete' });
  });
});

import { describe, expect, test } from 'vitest';
import { UnavailableError } from '../../src/backends/index.ts';
import { emptyView, withChanges } from '../../src/service/index.ts';
import { refuseStrayErrors } from '../machines/supervisor/stray-errors.ts';
import { changesOf, openStand, soFar, work } from './stand.ts';

refuseStrayErrors();

describe('a service that drains', () => {
  test('takes no new work and lets what runs come to its end', async () => {
    await using stand = openStand();
    const { task, begun, finish } = work();
    const service = await stand.serve([task]);
    const running = await service.submit({ id: 'a', name: 'work' });
    await stand.pass();
    const drained = service.drain();
    const late = await service.submit({ id: 'b', name: 'work' });
    await stand.pass(5_000);
    expect(await soFar(drained)).toBe('pending');
    finish('a');
    await expect(running.result()).resolves.toMatchObject({ status: 'complete' });
    await expect(drained).resolves.toEqual({ handedBack: 0 });
    expect(begun).toEqual(['a']);
    await expect(late.view()).resolves.toMatchObject({ status: 'pending' });
    expect(stand.clock.pending).toBe(0);
  });

  test('hands back what does not end in time; another service on the backend goes on with it', async () => {
    await using stand = openStand();
    const first = work();
    const service = await stand.serve([first.task], { drainWithin: 3_000 });
    const task = await service.submit({ id: 'a', name: 'work' });
    await stand.pass();
    const drained = service.drain();
    await stand.pass(2_999);
    expect(first.aborted).toEqual([]);
    await stand.pass(1);
    await expect(drained).resolves.toEqual({ handedBack: 1 });
    expect(first.aborted).toEqual(['a']);

    const second = work();
    const successor = await stand.serve([second.task]);
    await stand.pass(7_000);
    expect(second.begun).toEqual(['a']);
    second.finish('a', 'by the second');
    await expect(task.result()).resolves.toMatchObject({ status: 'complete', output: 'by the second' });
    const view = await (await successor.task('a')).view();
    expect(view.steps.work).toMatchObject({ attempts: 1, started_at: '2026-01-01T00:00:00.000Z' });

    const changes = await changesOf(task);
    expect(new Set(changes.map(({ id }) => id)).size).toBe(changes.length);
    const folded = changes.reduce(
      (before, { time, data }) => withChanges(before, data.changes, Date.parse(time)),
      emptyView(task),
    );
    expect(folded).toEqual(view);
  });

  test('hands back a task whose effect never ends and does not hear its signal', async () => {
    await using stand = openStand();
    const { task, finish } = work({ deaf: true });
    const service = await stand.serve([task], { drainWithin: 0 });
    const handle = await service.submit({ id: 'a', name: 'work' });
    await stand.pass();
    await expect(stand.drain(service)).resolves.toEqual({ handedBack: 1 });
    finish('a', 'too late');
    await stand.pass(10_000);
    await expect(handle.view()).resolves.toMatchObject({
      status: 'running',
      steps: { work: { status: 'running', attempts: 1 } },
    });
    expect(stand.reports).toEqual([]);
  });

  test('hands back a task that waits for its next attempt', async () => {
    await using stand = openStand();
    const first = work();
    const service = await stand.serve([first.task], { drainWithin: 1_000 });
    const task = await service.submit({ id: 'a', name: 'work' });
    await stand.pass();
    first.fail('a', new Error('not yet'));
    await stand.pass();
    await expect(stand.drain(service)).resolves.toEqual({ handedBack: 1 });
    await stand.pass(60_000);
    expect(first.begun).toEqual(['a']);
    const second = work();
    await stand.serve([second.task]);
    second.finish('a');
    await expect(task.result()).resolves.toMatchObject({ status: 'complete' });
  });

  test('twice, at once and later, drains once', async () => {
    await using stand = openStand();
    const { task, finish } = work();
    const service = await stand.serve([task]);
    await service.submit({ id: 'a', name: 'work' });
    await stand.pass();
    const both = [service.drain(), service.drain()];
    await stand.pass();
    finish('a');
    await expect(Promise.all(both)).resolves.toEqual([{ handedBack: 0 }, { handedBack: 0 }]);
    await expect(service.drain()).resolves.toEqual({ handedBack: 0 });
  });

  test('is what disposing it does', async () => {
    await using stand = openStand();
    const { task } = work();
    const service = await stand.serve([task], { drainWithin: 0 });
    await service.submit({ id: 'a', name: 'work' });
    await stand.pass();
    const disposed = service[Symbol.asyncDispose]();
    await stand.pass(1_000);
    await disposed;
    expect(service.supervisor.getSnapshot().status).toBe('done');
  });

  test('before it is asked for anything is stopped at once', async () => {
    await using stand = openStand();
    const service = await stand.serve([work().task]);
    await expect(service.drain()).resolves.toEqual({ handedBack: 0 });
    expect(stand.clock.pending).toBe(0);
  });

  test('while its inbox cannot be taken from is stopped all the same', async () => {
    const away = new Error('away');
    await using stand = openStand(() => ({ inbox: { take: () => Promise.reject(away) } }));
    const service = await stand.serve([work().task]);
    await stand.pass(2_500);
    expect(stand.reports).toEqual(Array(3).fill({ type: 'intake.failed', error: away }));
    await expect(stand.drain(service)).resolves.toEqual({ handedBack: 0 });
  });

  test('while its inbox is slow to hand over gives back what then still comes', async () => {
    const slow = Promise.withResolvers<void>();
    await using stand = openStand(({ inbox }) => ({
      inbox: {
        take: async (options, onDelivery) => {
          await slow.promise;
          const subscription = await inbox.take(options, onDelivery);
          // Hands over one more before it hears that it is stopped.
          await stand.pass();
          return subscription;
        },
      },
    }));
    const { task, begun } = work();
    const service = await stand.serve([task]);
    const handle = await service.submit({ id: 'a', name: 'work' });
    await stand.drain(service);
    slow.resolve();
    await stand.pass(5_000);
    expect(begun).toEqual([]);
    expect(stand.reports).toEqual([]);
    await stand.serve([task]);
    await stand.pass(1_000);
    expect(begun).toEqual(['a']);
    await handle.cancel();
  });
});

describe('a service that has stopped', () => {
  test('is still a door: what is asked for is kept, seen and cancelled; another runs it', async () => {
    await using stand = openStand();
    const { task, begun, finish } = work();
    const door = await stand.serve([task]);
    await stand.drain(door);
    const one = await door.submit({ id: 'a', name: 'work' });
    await expect(door.submit({ name: 'work', context: { cart_id: 0 } })).rejects.toThrow('context.cart_id');
    await stand.pass(60_000);
    expect(begun).toEqual([]);
    await expect(one.view()).resolves.toMatchObject({ status: 'pending' });
    await stand.serve([task]);
    finish('a');
    await expect(one.result()).resolves.toMatchObject({ status: 'complete' });
  });
});

describe('a service that drains while the journal is away', () => {
  test('leaves nothing running behind, and its tasks go on elsewhere', async () => {
    let away = false;
    await using stand = openStand(({ journal }) => ({
      journal: {
        append: async (...args) => {
          if (away) throw new UnavailableError('journal.append', { cause: 'no connection' });
          return journal.append(...args);
        },
      },
    }));
    const first = work();
    const service = await stand.serve([first.task], { drainWithin: 1_000 });
    const task = await service.submit({ id: 'a', name: 'work' });
    await stand.pass();
    away = true;
    await stand.drain(service);
    expect(first.aborted).toEqual(['a']);
    expect(stand.clock.pending).toBe(0);
    away = false;
    await stand.pass(60_000);
    const second = work();
    await stand.serve([second.task]);
    await stand.pass(60_000);
    expect(second.begun).toEqual(['a']);
    second.finish('a');
    await expect(task.result()).resolves.toMatchObject({ status: 'complete' });
  });
});

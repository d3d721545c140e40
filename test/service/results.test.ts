import { describe, expect, test } from 'vitest';
import { UnavailableError } from '../../src/backends/index.ts';
import { refuseStrayErrors } from '../machines/supervisor/stray-errors.ts';
import { echoTask, openStand, soFar, turns, work } from './stand.ts';

refuseStrayErrors();

/** A stand whose journal counts who follows it. */
function countingStand() {
  const count = { following: 0 };
  const stand = openStand(({ journal }) => ({
    journal: {
      follow: async (...args) => {
        const subscription = await journal.follow(...args);
        count.following += 1;
        const stop = async () => {
          count.following -= 1;
          await subscription.stop();
        };
        return { stop, [Symbol.asyncDispose]: stop };
      },
    },
  }));
  return { stand, count };
}

describe('a task whose journal is gone', () => {
  test('is told so to who asks for its result or its changes', async () => {
    await using stand = openStand(() => ({}), { retention: 1_000 });
    const service = await stand.serve([echoTask]);
    const task = await service.submit({ id: 'a', name: 'echo' });
    await stand.pass(3 * 24 * 60 * 60 * 1_000);
    await service.submit({ id: 'b', name: 'echo' });
    await stand.pass(1_000);
    await expect(task.result()).rejects.toThrow('There is no task "a".');
    await expect(task.changes().next()).rejects.toThrow('There is no task "a".');
  });
});

describe('the result of a task', () => {
  test('comes when it ends, to all who wait, and at once to who asks later', async () => {
    const { stand, count } = countingStand();
    await using _ = stand;
    const { task, finish } = work();
    const service = await stand.serve([task]);
    const handle = await service.submit({ id: 'a', name: 'work' });
    const waiting = [handle.result(), handle.result(), (await service.task('a')).result()];
    await stand.pass();
    expect(count.following).toBe(3);
    finish('a', { well: true });
    for (const result of await Promise.all(waiting)) expect(result.output).toEqual({ well: true });
    await expect(handle.result()).resolves.toMatchObject({ output: { well: true } });
    await turns();
    expect(count.following).toBe(0);
  });

  test('is given up by a signal, before and while it is awaited; the task goes on and nothing is left behind', async () => {
    const { stand, count } = countingStand();
    await using _ = stand;
    const { task, finish } = work();
    const service = await stand.serve([task]);
    const handle = await service.submit({ id: 'a', name: 'work' });
    const enough = new Error('enough');
    await expect(handle.result({ signal: AbortSignal.abort(enough) })).rejects.toBe(enough);
    const aborter = new AbortController();
    const waiting = handle.result({ signal: aborter.signal });
    await stand.pass();
    aborter.abort(enough);
    await expect(waiting).rejects.toBe(enough);
    await turns();
    expect(count.following).toBe(0);
    finish('a');
    await expect(handle.result({ signal: new AbortController().signal })).resolves.toMatchObject({
      status: 'complete',
    });
  });

  test('is given up at once although the backend does not answer, and what it answers later is let go of', async () => {
    const late = Promise.withResolvers<void>();
    let stopped = 0;
    await using stand = openStand(() => ({
      journal: {
        follow: async () => {
          await late.promise;
          const stop = async () => {
            stopped += 1;
          };
          return { stop, [Symbol.asyncDispose]: stop };
        },
      },
    }));
    const service = await stand.serve([work().task]);
    const handle = await service.submit({ name: 'work' });
    const aborter = new AbortController();
    const waiting = handle.result({ signal: aborter.signal });
    await turns();
    aborter.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    late.resolve();
    await turns();
    expect(stopped).toBe(1);
  });

  test('rejects with what the backend says when it cannot be followed', async () => {
    const away = new UnavailableError('journal.follow', { cause: 'no connection' });
    await using stand = openStand(() => ({ journal: { follow: () => Promise.reject(away) } }));
    const service = await stand.serve([work().task]);
    const handle = await service.submit({ name: 'work' });
    await expect(handle.result()).rejects.toBe(away);
  });

  test('is not there as long as the task runs', async () => {
    await using stand = openStand();
    const service = await stand.serve([work().task]);
    const handle = await service.submit({ name: 'work' });
    await stand.pass(1_000_000);
    expect(await soFar(handle.result())).toBe('pending');
  });
});

describe('the view of a task', () => {
  test('tells how it stands: before it begins, while it runs, while it waits, when it has ended', async () => {
    await using stand = openStand();
    const { task, fail, finish } = work();
    const service = await stand.serve([task], { limit: 1 });
    const handle = await service.submit({ id: 'a', name: 'work' });
    const next = await service.submit({ id: 'b', name: 'work' });
    await stand.pass();
    const shared = { id: 'a', name: 'work', version: '1' };
    const started_at = '2026-01-01T00:00:00.000Z';
    await expect(next.view()).resolves.toEqual({ ...shared, id: 'b', status: 'pending', steps: {} });
    await expect(handle.view()).resolves.toEqual({
      ...shared,
      status: 'running',
      steps: { work: { status: 'running', attempts: 1, started_at } },
    });
    fail('a', new Error('not yet'));
    await stand.pass();
    await expect(handle.view()).resolves.toMatchObject({
      status: 'running',
      steps: {
        work: {
          status: 'waiting_for_retry',
          attempts: 1,
          started_at,
          retry_at: '2026-01-01T00:00:10.000Z',
          error: { message: 'not yet', delay: 10_000 },
        },
      },
    });
    await stand.pass(10_000);
    finish('a', 7);
    await stand.pass();
    await expect(handle.view()).resolves.toEqual({
      ...shared,
      status: 'complete',
      steps: { work: { status: 'complete', attempts: 2, started_at, ended_at: '2026-01-01T00:00:10.000Z' } },
      output: 7,
    });
  });
});

import { describe, expect, test } from 'vitest';
import { RequestError } from '../../machines/task/index.ts';
import { refuseStrayErrors } from '../machines/supervisor/stray-errors.ts';
import { changesOf, echoTask, openStand, soFar, work } from './stand.ts';

refuseStrayErrors();

describe('cancelling a task', () => {
  test('that runs ends it at once and aborts its effect', async () => {
    await using stand = openStand();
    const { task, aborted } = work();
    const service = await stand.serve([task]);
    const handle = await service.submit({ id: 'a', name: 'work' });
    await stand.pass();
    await handle.cancel('no longer wanted');
    expect(aborted).toEqual(['a']);
    const result = await handle.result();
    expect(result).toMatchObject({
      status: 'cancelled',
      steps: { work: { status: 'cancelled', attempts: 1 } },
      error: { code: 'cancelled', message: 'Cancelled: no longer wanted' },
    });
    await expect(handle.view()).resolves.toEqual(result);
    await stand.pass(60_000);
    expect(stand.clock.pending).toBe(0);
  });

  test('whose effect does not hear its signal ends it all the same', async () => {
    await using stand = openStand();
    const { task, finish } = work({ deaf: true });
    const service = await stand.serve([task]);
    const handle = await service.submit({ id: 'a', name: 'work' });
    await stand.pass();
    await handle.cancel();
    await expect(handle.result()).resolves.toMatchObject({ status: 'cancelled' });
    finish('a', 'too late');
    await stand.pass(1_000);
    await expect(handle.view()).resolves.toMatchObject({ status: 'cancelled' });
  });

  test('that waits before its next attempt ends it, and no attempt follows', async () => {
    await using stand = openStand();
    const { task, begun, fail } = work();
    const service = await stand.serve([task]);
    const handle = await service.submit({ id: 'a', name: 'work' });
    await stand.pass();
    fail('a', new Error('not yet'));
    await stand.pass();
    await handle.cancel();
    await expect(handle.result()).resolves.toMatchObject({ status: 'cancelled' });
    await stand.pass(60_000);
    expect(begun).toEqual(['a']);
  });

  test('that has ended changes nothing, and leaves nothing in the inbox', async () => {
    await using stand = openStand();
    const service = await stand.serve([echoTask]);
    const handle = await service.submit({ id: 'a', name: 'echo' });
    const result = await handle.result();
    await handle.cancel('too late');
    await stand.pass(120_000);
    await expect(handle.view()).resolves.toEqual(result);
    expect(await changesOf(handle)).toHaveLength((await changesOf(handle)).length);
    await expect((await service.task('a')).result()).resolves.toEqual(result);
  });

  test('twice is cancelling it once', async () => {
    await using stand = openStand();
    const service = await stand.serve([work().task]);
    const handle = await service.submit({ id: 'a', name: 'work' });
    await stand.pass();
    await Promise.all([handle.cancel('first'), handle.cancel('second')]);
    await handle.cancel('third');
    await expect(handle.result()).resolves.toMatchObject({ error: { message: 'Cancelled: first' } });
  });

  test('with the limit full: one that runs is cancelled at once, and its place is free', async () => {
    await using stand = openStand();
    const { task, begun } = work();
    const service = await stand.serve([task], { limit: 2 });
    const handles = await Promise.all(['a', 'b', 'c'].map((id) => service.submit({ id, name: 'work' })));
    await stand.pass();
    expect(begun).toEqual(['a', 'b']);
    await handles[0]?.cancel();
    await expect(handles[0]?.result()).resolves.toMatchObject({ status: 'cancelled' });
    await stand.pass();
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  test('with the limit full: one that has not begun never runs, though its event finds no place', async () => {
    await using stand = openStand();
    const { task, begun, finish } = work();
    const service = await stand.serve([task], { limit: 1 });
    await service.submit({ id: 'a', name: 'work' });
    const waiting = await service.submit({ id: 'b', name: 'work' });
    await stand.pass();
    await waiting.cancel('changed my mind');
    await stand.pass(60_000);
    expect(await soFar(waiting.result())).toBe('pending');
    finish('a');
    await expect(waiting.result()).resolves.toMatchObject({
      status: 'cancelled',
      error: { message: 'Cancelled: changed my mind' },
      steps: { work: { status: 'pending', attempts: 0 } },
    });
    await stand.pass(60_000);
    expect(begun).toEqual(['a']);
    const next = await service.submit({ id: 'c', name: 'work' });
    await stand.pass();
    finish('c');
    await expect(next.result()).resolves.toMatchObject({ status: 'complete' });
  });

  test('before any service runs it ends it in whichever does', async () => {
    await using stand = openStand();
    const { task, begun } = work();
    const door = await stand.serve([task]);
    await stand.drain(door);
    const handle = await door.submit({ id: 'a', name: 'work' });
    await handle.cancel('before it began');
    await stand.serve([task]);
    await stand.pass();
    await expect(handle.result()).resolves.toMatchObject({ status: 'cancelled' });
    await stand.pass(60_000);
    expect(begun.length).toBeLessThanOrEqual(1);
  });

  test('that is to be run in a month ends it now; when the month is over it is not run', async () => {
    await using stand = openStand();
    const { task, begun } = work();
    const service = await stand.serve([task]);
    const handle = await service.submit({ id: 'a', name: 'work', run_at: '2026-02-01T00:00:00Z' });
    await stand.pass(1_000);
    await handle.cancel();
    await expect(handle.result()).resolves.toMatchObject({ status: 'cancelled' });
    expect((await changesOf(handle)).map(({ data }) => data.status)).toEqual(['parked', 'cancelled']);
    await stand.pass(40 * 24 * 60 * 60 * 1_000);
    expect(begun).toEqual([]);
    expect(stand.reports).toEqual([]);
  });

  test('that runs in another service ends it there', async () => {
    await using stand = openStand();
    const { task, aborted } = work();
    const door = await stand.serve([task]);
    await stand.drain(door);
    await stand.serve([task]);
    const handle = await door.submit({ id: 'a', name: 'work' });
    await stand.pass();
    await handle.cancel('from afar');
    await expect(handle.result()).resolves.toMatchObject({ status: 'cancelled' });
    expect(aborted).toEqual(['a']);
  });

  test('for a reason that is no text is refused, and harms nothing', async () => {
    await using stand = openStand();
    const { task, aborted } = work();
    const service = await stand.serve([task]);
    const handle = await service.submit({ id: 'a', name: 'work' });
    await stand.pass();
    const cancelled = handle.cancel({ because: 'no' } as unknown as string);
    await expect(cancelled).rejects.toThrow(RequestError);
    await expect(cancelled).rejects.toThrow('event.reason');
    expect(aborted).toEqual([]);
  });
});

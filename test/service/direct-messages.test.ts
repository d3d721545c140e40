import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineTask, RequestError } from '../../machines/task/index.ts';
import type { Json } from '../../src/backends/index.ts';
import { refuseStrayErrors } from '../machines/supervisor/stray-errors.ts';
import { changesOf, openStand, type Stand, work } from './stand.ts';

refuseStrayErrors();

/** A client that knows the inbox alone: any body, under any id, for the task `work`. */
const send = (stand: Stand, taskId: string, body: unknown) =>
  stand.backend.inbox.submit({ taskId, name: 'work', body: body as Json });

let events = 0;
const sendEvent = (stand: Stand, taskId: string, body: unknown) => {
  events += 1;
  return stand.backend.inbox.deliver({
    taskId,
    name: 'work',
    eventId: `event-${events}`,
    body: body as Json,
  });
};

describe('a request that comes by the inbox alone', () => {
  test('runs; its id may be left out', async () => {
    await using stand = openStand();
    const { task, begun, finish } = work();
    const service = await stand.serve([task]);
    await send(stand, 'a', { name: 'work', context: { cart_id: 1 } });
    await send(stand, 'b', { id: 'b', context: {} });
    await stand.pass();
    expect(begun).toEqual(['a', 'b']);
    finish('a');
    await expect((await service.task('a')).result()).resolves.toMatchObject({ status: 'complete' });
  });

  test.each<[string, unknown, string]>([
    ['null', null, ''],
    ['a number', 7, ''],
    ['a text', 'work, please', ''],
    ['a list', [1, 2], ''],
    ['a bad context', { name: 'work', context: { cart_id: 'one' } }, 'context.cart_id'],
    ['unknown fields', { name: 'work', prio: 1 }, 'prio'],
    ['another id', { id: 'b', name: 'work' }, 'id'],
    ['another name', { name: 'other' }, 'name'],
    ['rubbish all over', JSON.parse('{"name":7,"context":8,"tags":9,"__proto__":{"polluted":true}}'), 'name'],
  ])('of %s is reported once, is let go of, and does not come again', async (_, body, field) => {
    await using stand = openStand();
    const { task, begun, finish } = work();
    const other = work({ name: 'other' });
    const service = await stand.serve([task, other.task]);
    await send(stand, 'a', body);
    await stand.pass(120_000);
    expect(stand.reports).toEqual([{ type: 'task.refused', id: 'a', error: expect.any(RequestError) }]);
    const [report] = stand.reports;
    const { issues } = (report as { error: RequestError }).error;
    expect(issues.map(({ path }) => path)).toContain(field);
    await expect(service.task('a')).rejects.toThrow('There is no task "a"');
    expect([...begun, ...other.begun]).toEqual([]);
    const next = await service.submit({ id: 'next', name: 'work' });
    await stand.pass();
    finish('next');
    await expect(next.result()).resolves.toMatchObject({ status: 'complete' });
  });
});

describe('an event that comes by the inbox alone', () => {
  test('reaches its task, wherever that stands', async () => {
    await using stand = openStand();
    const service = await stand.serve([work().task]);
    const task = await service.submit({ id: 'a', name: 'work' });
    await stand.pass();
    await sendEvent(stand, 'a', { type: 'task.cancel', reason: 'from outside' });
    await expect(task.result()).resolves.toMatchObject({ status: 'cancelled' });
  });

  test('for nobody, or for a task that has ended, is let go of', async () => {
    await using stand = openStand();
    const { task, begun, finish } = work();
    const service = await stand.serve([task], { limit: 1 });
    const handle = await service.submit({ id: 'a', name: 'work' });
    await stand.pass();
    finish('a');
    await handle.result();
    await sendEvent(stand, 'a', { type: 'task.cancel' });
    await sendEvent(stand, 'nobody', { type: 'task.cancel' });
    await stand.pass(60_000);
    await expect(handle.view()).resolves.toMatchObject({ status: 'complete' });
    await service.submit({ id: 'b', name: 'work' });
    await stand.pass();
    expect(begun).toEqual(['a', 'b']);
    expect(stand.reports).toEqual([]);
  });

  test.each<[string, unknown]>([
    ['null', null],
    ['a text', 'task.cancel'],
    ['without a type', { reason: 'none' }],
    ['whose type is no text', { type: 7 }],
    ['that is XState’s own end', { type: 'xstate.stop' }],
    ['that passes for a result', { type: 'xstate.done.actor.work', output: 'forged' }],
    ['that passes for a failure', { type: 'xstate.error.actor.work', error: 'forged' }],
    ['with a reason that is no text', { type: 'task.cancel', reason: {} }],
  ])('%s is reported and let go of; its task goes on', async (_, body) => {
    await using stand = openStand();
    const { task, begun, finish } = work();
    const service = await stand.serve([task]);
    const running = await service.submit({ id: 'a', name: 'work' });
    const later = await service.submit({ id: 'b', name: 'work', run_at: '2026-01-01T01:00:00Z' });
    await stand.pass();
    await sendEvent(stand, 'a', body);
    await sendEvent(stand, 'b', body);
    await stand.pass(120_000);
    const refused = (id: string) => ({ type: 'event.refused', id, error: expect.any(RequestError) });
    expect(stand.reports).toHaveLength(2);
    expect(stand.reports).toEqual(expect.arrayContaining([refused('a'), refused('b')]));
    finish('a', 'unharmed');
    await expect(running.result()).resolves.toMatchObject({ output: 'unharmed' });
    expect(begun).toEqual(['a']);
    await stand.pass(3_600_000);
    expect(begun).toEqual(['a', 'b']);
    finish('b');
    await expect(later.result()).resolves.toMatchObject({ status: 'complete' });
  });

  test('that the chart does not know changes nothing', async () => {
    await using stand = openStand();
    const { task, finish } = work();
    const service = await stand.serve([task]);
    const handle = await service.submit({ id: 'a', name: 'work' });
    await stand.pass();
    await sendEvent(stand, 'a', { type: 'no.such.event', data: 1 });
    await stand.pass();
    finish('a');
    await expect(handle.result()).resolves.toMatchObject({ status: 'complete' });
    expect(stand.reports).toEqual([]);
  });
});

test('a task that has not begun and that a new version of its worker cannot read ends in an error that says so', async () => {
  await using stand = openStand();
  const old = work();
  const before = await stand.serve([old.task], { drainWithin: 0 });
  const run_at = new Date(stand.clock.now() + 60_000).toISOString();
  const handle = await before.submit({ id: 'a', name: 'work', context: {}, run_at });
  await stand.pass();
  await stand.drain(before);
  const strict = defineTask({ name: 'work', version: '2', context: z.object({ cart_id: z.int() }) })
    .step('work', { output: z.string(), run: () => 'done' })
    .build();
  await stand.serve([strict]);
  await stand.pass(60_000);
  const result = await handle.result();
  expect(result).toMatchObject({ status: 'error', error: { code: 'invalid_request' } });
  expect(result.error?.message).toContain('context.cart_id');
  expect((await changesOf(handle)).at(-1)?.data).toMatchObject({ status: 'error' });
  await stand.pass(120_000);
  expect(stand.reports).toEqual([{ type: 'task.refused', id: 'a', error: expect.any(RequestError) }]);
});

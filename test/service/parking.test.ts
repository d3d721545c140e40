import { describe, expect, test } from 'vitest';
import { createMachine } from 'xstate';
import { UnavailableError } from '../../src/backends/index.ts';
import { refuseStrayErrors } from '../machines/supervisor/stray-errors.ts';
import { changesOf, charted, openStand, soFar, work } from './stand.ts';

refuseStrayErrors();

const HOUR = 60 * 60 * 1_000;
const DAY = 24 * HOUR;
const context = { id: 'a', context: {}, results: {}, steps: {} };
const complete = (output: string) => ({
  type: 'final' as const,
  tags: ['complete'],
  output: { status: 'complete', output },
});

/** Waits for an approval, at most for a time; then for a second one, as long as it takes. */
const approval = (within: number) =>
  charted(
    createMachine({
      id: 'approval',
      context,
      initial: 'first',
      output: ({ event }: { event: { output?: unknown } }) => event.output,
      on: { 'task.cancel': '.cancelled' },
      states: {
        first: { tags: ['running'], on: { approve: 'second' }, after: { [within]: 'late' } },
        second: { tags: ['running'], on: { approve: 'approved' } },
        approved: complete('approved'),
        late: complete('late'),
        cancelled: { type: 'final', tags: ['cancelled'], output: { status: 'cancelled' } },
      },
    }),
  );

describe('a task that only waits', () => {
  test('leaves memory, and comes back when its time has come', async () => {
    await using stand = openStand();
    const service = await stand.serve([approval(5 * DAY)]);
    const task = await service.submit({ id: 'a', name: 'charted' });
    await stand.pass();
    await expect(task.view()).resolves.toMatchObject({ status: 'parked' });
    await stand.pass(5 * DAY - 1);
    expect(await soFar(task.result())).toBe('pending');
    await stand.pass(1);
    await expect(task.result()).resolves.toMatchObject({ status: 'complete', output: 'late' });
    expect((await changesOf(task)).map(({ data }) => data.status)).toEqual(['running', 'parked', 'complete']);
    expect(stand.reports).toEqual([]);
  });

  test('takes up no place, and keeps no timer of the process', async () => {
    await using stand = openStand();
    const { task, begun } = work();
    const service = await stand.serve([approval(DAY), task], { limit: 1 });
    for (const id of ['a', 'b', 'c']) await service.submit({ id, name: 'charted' });
    await stand.pass();
    await service.submit({ id: 'now', name: 'work' });
    await stand.pass();
    expect(begun).toEqual(['now']);
  });

  test('comes back with an event, waits for the next without a deadline, and ends once', async () => {
    await using stand = openStand();
    const service = await stand.serve([approval(DAY)]);
    const task = await service.submit({ id: 'a', name: 'charted' });
    await stand.pass();
    const send = (eventId: string) =>
      stand.backend.inbox.deliver({ taskId: 'a', name: 'charted', eventId, body: { type: 'approve' } });
    await send('one');
    await stand.pass();
    await send('one');
    await stand.pass();
    await expect(task.view()).resolves.toMatchObject({ status: 'parked' });
    await stand.pass(3 * DAY);
    await expect(task.view()).resolves.toMatchObject({ status: 'parked' });
    await send('two');
    await stand.pass();
    await expect(task.result()).resolves.toMatchObject({ status: 'complete', output: 'approved' });
    expect(stand.reports).toEqual([]);
  });

  test('and is woken by an event that comes as it leaves', async () => {
    await using stand = openStand();
    const service = await stand.serve([approval(DAY)]);
    const task = await service.submit({ id: 'a', name: 'charted' });
    const sent = [1, 2].map((n) =>
      stand.backend.inbox.deliver({
        taskId: 'a',
        name: 'charted',
        eventId: `${n}`,
        body: { type: 'approve' },
      }),
    );
    await Promise.all(sent);
    await stand.pass(60_000);
    await expect(task.result()).resolves.toMatchObject({ output: 'approved' });
  });

  test('can be cancelled', async () => {
    await using stand = openStand();
    const service = await stand.serve([approval(DAY)]);
    const task = await service.submit({ id: 'a', name: 'charted' });
    await stand.pass();
    await task.cancel('enough');
    await stand.pass();
    await expect(task.result()).resolves.toMatchObject({ status: 'cancelled' });
    await stand.pass(2 * DAY);
    expect((await changesOf(task)).map(({ data }) => data.status)).toEqual([
      'running',
      'parked',
      'cancelled',
    ]);
  });

  test('that ended before its wake-up comes is not begun anew by that, however long it takes', async () => {
    await using stand = openStand();
    const service = await stand.serve([approval(60 * DAY)]);
    const task = await service.submit({ id: 'a', name: 'charted' });
    await stand.pass();
    await task.cancel();
    await stand.pass();
    // Longer than the seven days for which ended tasks are kept.
    await stand.pass(61 * DAY);
    await expect(task.result()).resolves.toMatchObject({ status: 'cancelled' });
    await stand.pass(10 * DAY);
    await service.submit({ id: 'sweep', name: 'charted' });
    expect(await stand.backend.journal.last('a')).toBeUndefined();
  });

  test.each(['it is cancelled', 'its time has come'])(
    'whose wake-up was not put off, since nobody heard that, is forgotten in time once %s',
    async (what) => {
      let isLost = true;
      await using stand = openStand((backend) => ({
        inbox: {
          take: (options, onDelivery) =>
            backend.inbox.take(options, (delivery) => {
              const { handBack } = delivery;
              onDelivery(
                Object.assign(delivery, {
                  handBack: async (until?: number) => {
                    if (isLost) throw new UnavailableError('handBack', { cause: 'no connection' });
                    await handBack.call(delivery, until);
                  },
                }),
              );
            }),
        },
      }));
      const service = await stand.serve([approval(DAY)]);
      const task = await service.submit({ id: 'a', name: 'charted' });
      await stand.pass();
      isLost = false;
      if (what === 'it is cancelled') await task.cancel();
      await stand.pass(2 * DAY);
      const status = what === 'it is cancelled' ? 'cancelled' : 'complete';
      expect(await soFar(task.result())).toMatchObject({ status });
      await stand.pass(9 * DAY);
      expect(await stand.backend.journal.last('a')).toBeUndefined();
    },
  );

  test('outlives the service, drained or killed', async () => {
    await using stand = openStand();
    const first = await stand.serve([approval(10 * DAY)]);
    const task = await first.submit({ id: 'a', name: 'charted' });
    await stand.pass();
    await stand.drain(first);
    await stand.pass(DAY);
    const second = await stand.serve([approval(10 * DAY)]);
    await stand.pass();
    await stand.kill(second);
    await stand.pass(20 * DAY);
    await stand.serve([approval(10 * DAY)]);
    await stand.pass();
    await expect(task.result()).resolves.toMatchObject({ output: 'late' });
  });

  test('a wait before the next attempt parks too, if it is long', async () => {
    await using stand = openStand();
    const { task, begun, fail, finish } = work({ baseDelay: 45_000 });
    const service = await stand.serve([task], { limit: 1, parkAfter: 10_000 });
    const handle = await service.submit({ id: 'a', name: 'work' });
    await stand.pass();
    fail('a', new Error('not yet'));
    await stand.pass();
    await expect(handle.view()).resolves.toMatchObject({
      status: 'parked',
      steps: { work: { status: 'waiting_for_retry', attempts: 1 } },
    });
    await stand.pass(30_000);
    expect(begun).toEqual(['a', 'a']);
    finish('a');
    await expect(handle.result()).resolves.toMatchObject({ status: 'complete' });
  });

  test('stays in memory if its time is near', async () => {
    await using stand = openStand();
    const service = await stand.serve([approval(30_000)]);
    const task = await service.submit({ id: 'a', name: 'charted' });
    await stand.pass(29_999);
    await expect(task.view()).resolves.toMatchObject({ status: 'running' });
    await stand.pass(1);
    await expect(task.result()).resolves.toMatchObject({ output: 'late' });
  });
});

import { describe, expect, test } from 'vitest';
import { FakeTask, openPool, turns } from './pool-stand.ts';
import { refuseStrayErrors } from './stray-errors.ts';

refuseStrayErrors();

const drained = (handedBack: number) => ({ type: 'pool.drained', handedBack });

describe('a pool that drains', () => {
  test('with nothing in hand says so at once', () => {
    using pool = openPool();
    pool.send({ type: 'pool.drain' });
    expect(pool.reports).toEqual([drained(0)]);
  });

  test('says so when the last task has ended and its acknowledgement is confirmed', async () => {
    using pool = openPool();
    const delivery = await pool.offer({ taskId: 'a' });
    const confirmed = Promise.withResolvers<void>();
    delivery.onSettle = () => confirmed.promise;
    pool.send({ type: 'pool.drain' });
    pool.task('a').end();
    await turns();
    expect(pool.reports).toEqual([]);
    confirmed.resolve();
    await turns();
    expect(pool.reports).toEqual([drained(0)]);
  });

  test('starts nothing new, and hands it back at once', async () => {
    using pool = openPool();
    await pool.offer({ taskId: 'a' });
    pool.send({ type: 'pool.drain' });
    const request = await pool.offer({ taskId: 'b' });
    const event = await pool.offer({ kind: 'event', taskId: 'c', body: { type: 'go' } });
    expect([request.settled, event.settled]).toEqual([['handed back'], ['handed back']]);
    expect(pool.made).toHaveLength(1);
  });

  test('still passes events on to what lives', async () => {
    using pool = openPool();
    await pool.offer({ taskId: 'a' });
    pool.send({ type: 'pool.drain' });
    const event = await pool.offer({ kind: 'event', taskId: 'a', body: { type: 'go' } });
    expect(event.settled).toEqual(['acknowledged']);
    expect(pool.task('a').events).toEqual([{ type: 'go' }]);
  });

  test('hands back what was being made and has not begun', async () => {
    const ready = Promise.withResolvers<void>();
    using pool = openPool({
      createTask: async (make, id) => {
        await ready.promise;
        return make(id);
      },
    });
    const delivery = await pool.offer({ taskId: 'a' });
    pool.send({ type: 'pool.drain' });
    ready.resolve();
    await turns();
    expect(delivery.settled).toEqual(['handed back']);
    expect(pool.task('a').state).toBe('stopped');
    expect(pool.reports).toEqual([drained(0)]);
  });
});

describe('a pool that is released', () => {
  test('O2: stops every task and hands every delivery back, once', async () => {
    using pool = openPool();
    const deliveries = [
      await pool.offer({ taskId: 'a' }),
      await pool.offer({ taskId: 'b' }),
      await pool.offer({ kind: 'event', taskId: 'c', body: { type: 'go' } }),
    ];
    pool.send({ type: 'pool.drain' });
    pool.send({ type: 'pool.release' });
    pool.send({ type: 'pool.release' });
    await turns();
    expect(deliveries.map(({ settled }) => settled)).toEqual(Array(3).fill(['handed back']));
    expect(pool.made.map(({ state }) => state)).toEqual(Array(3).fill('stopped'));
    expect(pool.reports.at(-1)).toMatchObject({ type: 'pool.drained' });
  });

  test('says how many it handed back', async () => {
    using pool = openPool();
    for (const taskId of ['a', 'b', 'c']) await pool.offer({ taskId });
    pool.task('b').end();
    pool.send({ type: 'pool.drain' });
    pool.send({ type: 'pool.release' });
    await turns();
    expect(pool.reports).toEqual([drained(2)]);
  });

  test('hands back an event that a task has not taken yet', async () => {
    class Slow extends FakeTask {
      override async send(): Promise<void> {
        await new Promise(() => {});
      }
    }
    using pool = openPool({ createTask: (_, id) => new Slow(id) });
    await pool.offer({ taskId: 'a' });
    const event = await pool.offer({ kind: 'event', taskId: 'a', body: { type: 'go' } });
    pool.send({ type: 'pool.release' });
    await turns();
    expect(event.settled).toEqual(['handed back']);
    expect(pool.reports).toEqual([drained(2)]);
  });

  test('never starts what was being made, however late that is', async () => {
    const ready = Promise.withResolvers<void>();
    using pool = openPool({
      createTask: async (make, id) => {
        await ready.promise;
        return make(id);
      },
    });
    const delivery = await pool.offer({ taskId: 'a' });
    pool.send({ type: 'pool.drain' });
    pool.send({ type: 'pool.release' });
    await turns();
    expect(delivery.settled).toEqual(['handed back']);
    expect(pool.reports).toEqual([drained(1)]);
    ready.resolve();
    await turns();
    expect(pool.task('a').state).toBe('stopped');
    expect(delivery.settled).toEqual(['handed back']);
  });

  test('or stopped, never starts what was being made', async () => {
    const ready = Promise.withResolvers<void>();
    const pool = openPool({
      createTask: async (make, id) => {
        await ready.promise;
        return make(id);
      },
    });
    await pool.offer({ taskId: 'a' });
    pool.stop();
    ready.resolve();
    await turns();
    expect(pool.task('a').state).toBe('stopped');
  });

  test('what could not be made after that is not reported', async () => {
    const ready = Promise.withResolvers<never>();
    using pool = openPool({ createTask: () => ready.promise });
    await pool.offer({ taskId: 'a' });
    pool.send({ type: 'pool.release' });
    ready.reject(new Error('too late'));
    await turns();
    expect(pool.reports).toEqual([drained(1)]);
  });

  test('starts nothing that comes after', async () => {
    using pool = openPool();
    pool.send({ type: 'pool.release' });
    const delivery = await pool.offer({ taskId: 'a' });
    expect(delivery.settled).toEqual(['handed back']);
  });
});

describe('an inbox that does not hear', () => {
  const deaf = new Error('no answer');

  test.each([
    [
      'rejects',
      async () => {
        throw deaf;
      },
    ],
    [
      'throws at once',
      () => {
        throw deaf;
      },
    ],
  ])('and %s is reported; the pool drains all the same', async (_, settle) => {
    using pool = openPool();
    const acknowledged = await pool.offer({ taskId: 'a' });
    const handedBack = await pool.offer({ taskId: 'b' });
    acknowledged.acknowledge = settle;
    handedBack.handBack = settle;
    pool.task('a').end();
    pool.send({ type: 'pool.drain' });
    pool.send({ type: 'pool.release' });
    await turns();
    expect(pool.reports).toEqual([
      { type: 'delivery.unsettled', id: 'a', error: deaf },
      { type: 'delivery.unsettled', id: 'b', error: deaf },
      drained(1),
    ]);
  });
});

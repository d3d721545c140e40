import { describe, expect, test } from 'vitest';
import type { Deferral } from '../../../machines/supervisor/index.ts';
import { FakeOffer, openPool, START, turns } from './pool-stand.ts';
import { refuseStrayErrors } from './stray-errors.ts';

refuseStrayErrors();

const DAY = 24 * 60 * 60 * 1_000;

describe('the pool', () => {
  test('O2: acknowledges a request once its task has ended, not before', async () => {
    using pool = openPool();
    const delivery = await pool.offer({ taskId: 'a', body: { name: 'task' } });
    expect(pool.task('a').state).toBe('live');
    await pool.clock.advance(60_000);
    expect(delivery.settled).toEqual([]);
    pool.task('a').end();
    expect(delivery.settled).toEqual(['acknowledged']);
  });

  test('gives what makes a task its id, its request and what woke it', async () => {
    const asked: unknown[] = [];
    using pool = openPool({
      createTask: (make, ...args) => {
        asked.push(args);
        return make(args[0]);
      },
    });
    const how = { attempt: 1, alone: false };
    await pool.offer({ taskId: 'a', body: { context: 1 } });
    await pool.offer({ kind: 'event', taskId: 'b', eventId: 'e', body: { type: 'wake' } });
    expect(asked).toEqual([
      ['a', { context: 1 }, { kind: 'request', taskId: 'a', name: 'task', body: { context: 1 } }, how],
      [
        'b',
        undefined,
        { kind: 'event', taskId: 'b', name: 'task', eventId: 'e', body: { type: 'wake' } },
        how,
      ],
    ]);
  });

  test('O4: has no queue: what it is offered it starts at once, as many as there are', async () => {
    using pool = openPool();
    const deliveries = Array.from({ length: 1_000 }, (_, index) => new FakeOffer({ taskId: `t${index}` }));
    for (const delivery of deliveries) pool.send({ type: 'task.offer', delivery });
    await turns(1);
    expect(pool.made.filter(({ state }) => state === 'live')).toHaveLength(1_000);
  });

  test('O1: a second wake-up starts no second task; one of the two is let go of at once, the other with the task', async () => {
    using pool = openPool();
    const first = await pool.offer({ taskId: 'a' });
    const second = await pool.offer({ taskId: 'a' }, 2);
    expect(pool.made).toHaveLength(1);
    expect([...first.settled, ...second.settled]).toEqual(['acknowledged']);
    pool.task('a').end();
    expect([first.settled, second.settled]).toEqual([['acknowledged'], ['acknowledged']]);
  });

  test('O2: of two wake-ups it holds the later: the first has lapsed, and would not give the task back', async () => {
    using pool = openPool();
    await pool.offer({ taskId: 'a' });
    const second = await pool.offer({ taskId: 'a' }, 2);
    pool.send({ type: 'pool.release' });
    expect(second.settled).toEqual(['handed back']);
  });

  test('O1: a second wake-up while the task is being made starts no second one', async () => {
    const made = Promise.withResolvers<void>();
    using pool = openPool({
      createTask: async (make, id) => {
        await made.promise;
        return make(id);
      },
    });
    const first = await pool.offer({ taskId: 'a' });
    const second = await pool.offer({ taskId: 'a' });
    made.resolve();
    await turns();
    expect(pool.made).toHaveLength(1);
    pool.task('a').end();
    expect([first.settled, second.settled]).toEqual([['acknowledged'], ['acknowledged']]);
  });

  test('a task id that has ended may begin again', async () => {
    using pool = openPool();
    await pool.offer({ taskId: 'a' });
    pool.task('a').end();
    const again = await pool.offer({ taskId: 'a' });
    expect(pool.made).toHaveLength(2);
    expect(pool.task('a').state).toBe('live');
    expect(again.settled).toEqual([]);
  });

  test('acknowledges at once what there is nothing to run of', async () => {
    using pool = openPool({ createTask: () => undefined });
    const request = await pool.offer({ taskId: 'a' });
    const event = await pool.offer({ kind: 'event', taskId: 'b', body: { type: 'go' } });
    expect([request.settled, event.settled]).toEqual([['acknowledged'], ['acknowledged']]);
  });

  test('O2: refuses what nobody could run, with the reason', async () => {
    using pool = openPool({ createTask: () => ({ refused: 'cart_id is missing.' }) });
    const delivery = await pool.offer({ taskId: 'a' });
    expect(delivery.settled).toEqual(['refused: cart_id is missing.']);
    expect(pool.reports).toEqual([]);
  });

  test('tells how a live task stands, and nothing of others', async () => {
    using pool = openPool();
    await pool.offer({ taskId: 'a' });
    expect(pool.report('a')).toEqual({ id: 'a', state: 'live' });
    expect(pool.report('b')).toBeUndefined();
    pool.task('a').end();
    expect(pool.report('a')).toBeUndefined();
  });
});

describe('a task that is not to be run yet', () => {
  test.each([1, 60_000, 25 * DAY, 400 * DAY])(
    'in %i ms is handed back until then, not started',
    async (wait) => {
      using pool = openPool({ createTask: (): Deferral => ({ until: START + wait }) });
      const delivery = await pool.offer({ taskId: 'a' });
      expect(delivery.settled).toEqual([`handed back until ${wait}`]);
      expect(pool.made).toEqual([]);
      expect(pool.reports).toEqual([]);
    },
  );
});

describe('what keeps deliveries alive', () => {
  test('beats for each as long as it is held, and stops with the last', async () => {
    using pool = openPool({ keepAliveEvery: 10_000 });
    expect(pool.clock.pending).toBe(0);
    const a = await pool.offer({ taskId: 'a' });
    await pool.clock.advance(15_000);
    const b = await pool.offer({ taskId: 'b' });
    await pool.clock.advance(10_000);
    expect([a.beats, b.beats]).toEqual([2, 1]);
    pool.task('a').end();
    await pool.clock.advance(10_000);
    expect([a.beats, b.beats]).toEqual([2, 2]);
    pool.task('b').end();
    await pool.clock.advance(100_000);
    expect([a.beats, b.beats]).toEqual([2, 2]);
    expect(pool.clock.pending).toBe(0);
    await pool.offer({ taskId: 'c' });
    expect(pool.clock.pending).toBe(1);
  });

  test('beats while a task is being made, and for an event that waits for that', async () => {
    using pool = openPool({ createTask: () => new Promise(() => {}) });
    const request = await pool.offer({ taskId: 'a' });
    const event = await pool.offer({ kind: 'event', taskId: 'a', body: { type: 'go' } });
    await pool.clock.advance(30_000);
    expect([request.beats, event.beats]).toEqual([3, 3]);
  });

  test('one that throws is reported and stops no other', async () => {
    using pool = openPool();
    const a = await pool.offer({ taskId: 'a' });
    const b = await pool.offer({ taskId: 'b' });
    const broken = new Error('no connection');
    a.keepAlive = () => {
      throw broken;
    };
    await pool.clock.advance(20_000);
    expect(b.beats).toBe(2);
    expect(pool.reports).toEqual(Array(2).fill({ type: 'delivery.unsettled', id: 'a', error: broken }));
  });

  test('leaves no timer behind when the pool is stopped', async () => {
    const pool = openPool();
    await pool.offer({ taskId: 'a' });
    pool.stop();
    expect(pool.clock.pending).toBe(0);
    expect(pool.task('a').state).toBe('stopped');
  });
});

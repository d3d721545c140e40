import { describe, expect, test } from 'vitest';
import { createActor, setup } from 'xstate';
import { type CreateTask, OwnershipLostError } from '../../../machines/supervisor/index.ts';
import { FakeTask, openPool, turns } from './pool-stand.ts';
import { refuseStrayErrors } from './stray-errors.ts';

refuseStrayErrors();

const broken = new Error('broken');
const throwing = (id: string, method: 'subscribe' | 'start' | 'send' | 'stop'): FakeTask =>
  Object.assign(new FakeTask(id), {
    [method]: () => {
      throw broken;
    },
  });

describe('O3: a task that throws', () => {
  test.each([
    ['when it is subscribed to', () => throwing('a', 'subscribe')],
    ['when it is started', () => throwing('a', 'start')],
  ])('%s is reported, stopped and handed back; its neighbour goes on', async (_, make) => {
    const task = make();
    using pool = openPool({ createTask: (makeFake, id) => (id === 'a' ? task : makeFake(id)) });
    await pool.offer({ taskId: 'neighbour' });
    const delivery = await pool.offer({ taskId: 'a' });
    expect(pool.reports).toEqual([{ type: 'task.crashed', id: 'a', error: broken }]);
    expect(delivery.settled).toEqual(['handed back until 1000']);
    expect(task.state).toBe('stopped');
    expect(pool.task('neighbour').state).toBe('live');
  });

  test('when it is sent what woke it is reported and handed back', async () => {
    using pool = openPool({ createTask: (_, id) => throwing(id, 'send') });
    const delivery = await pool.offer({ kind: 'event', taskId: 'a', body: { type: 'go' } });
    expect(pool.reports).toEqual([{ type: 'task.crashed', id: 'a', error: broken }]);
    expect(delivery.settled).toEqual(['handed back until 1000']);
  });

  test('later on is reported, stopped and handed back; events that wait for it too', async () => {
    using pool = openPool();
    await pool.offer({ taskId: 'neighbour' });
    const delivery = await pool.offer({ taskId: 'a' }, 4);
    pool.task('a').crash(broken);
    expect(pool.reports).toEqual([{ type: 'task.crashed', id: 'a', error: broken }]);
    expect(delivery.settled).toEqual(['handed back until 8000']);
    expect(pool.task('neighbour').state).toBe('live');
    expect(pool.report('a')).toBeUndefined();
  });

  test('when it is stopped is reported; every other is handed back all the same', async () => {
    using pool = openPool({ createTask: (make, id) => (id === 'a' ? throwing(id, 'stop') : make(id)) });
    const deliveries = [await pool.offer({ taskId: 'a' }), await pool.offer({ taskId: 'b' })];
    pool.send({ type: 'pool.release' });
    await turns();
    expect(deliveries.map(({ settled }) => settled)).toEqual([['handed back'], ['handed back']]);
    expect(pool.task('b').state).toBe('stopped');
    expect(pool.reports).toEqual([
      { type: 'task.crashed', id: 'a', error: broken },
      { type: 'pool.drained', handedBack: 2 },
    ]);
  });

  test('after it has ended is not heard any more', async () => {
    using pool = openPool();
    const delivery = await pool.offer({ taskId: 'a' });
    const task = pool.task('a');
    task.end();
    task.crash(broken);
    task.end();
    expect(delivery.settled).toEqual(['acknowledged']);
    expect(pool.reports).toEqual([]);
  });

  test('that tells of its end while it is subscribed to is never started', async () => {
    class Eager extends FakeTask {
      override subscribe(observer: Parameters<FakeTask['subscribe']>[0]) {
        observer.error(broken);
        return super.subscribe(observer);
      }
    }
    const task = new Eager('a');
    using pool = openPool({ createTask: () => task });
    const delivery = await pool.offer({ taskId: 'a' });
    expect(task.state).toBe('stopped');
    expect(delivery.settled).toEqual(['handed back until 1000']);
  });
});

describe('O3: an XState actor as a task', () => {
  const machine = setup({
    types: { events: {} as { type: 'throw' } | { type: 'end' } },
    actions: {
      throw: () => {
        throw broken;
      },
    },
  }).createMachine({
    initial: 'living',
    states: { living: { on: { throw: { actions: 'throw' }, end: 'ended' } }, ended: { type: 'final' } },
  });
  const thrower = setup({
    actions: {
      throw: () => {
        throw broken;
      },
    },
  }).createMachine({ entry: 'throw' });
  const createTask: CreateTask = (id) => createActor(id === 'at-start' ? thrower : machine);

  test('that throws in a transition, or as it starts, harms no other', async () => {
    using pool = openPool({ createTask: (_, ...args) => createTask(...args) });
    const other = await pool.offer({ taskId: 'other' });
    const later = await pool.offer({ taskId: 'later' });
    const atStart = await pool.offer({ taskId: 'at-start' });
    await pool.sendTo('later', { type: 'throw' });
    expect(pool.reports).toEqual([
      { type: 'task.crashed', id: 'at-start', error: broken },
      { type: 'task.crashed', id: 'later', error: broken },
    ]);
    expect([later.settled, atStart.settled]).toEqual([
      ['handed back until 1000'],
      ['handed back until 1000'],
    ]);
    await pool.sendTo('other', { type: 'end' });
    expect(other.settled).toEqual(['acknowledged']);
  });

  test('that is released is handed back, though a stopped actor says that it is complete', async () => {
    using pool = openPool({ createTask: (_, ...args) => createTask(...args) });
    const delivery = await pool.offer({ taskId: 'a' });
    pool.send({ type: 'pool.release' });
    expect(delivery.settled).toEqual(['handed back']);
  });
});

describe('a task that cannot be made', () => {
  test.each([
    ['throws', () => Promise.reject(broken)],
    [
      'throws at once',
      () => {
        throw broken;
      },
    ],
  ])(
    'because that %s is reported, and comes again after a wait that grows to half a minute',
    async (_, createTask) => {
      using pool = openPool({ createTask });
      const waits: string[] = [];
      for (const attempt of [1, 2, 3, 4, 5, 6, 7, 2_000]) {
        const { settled } = await pool.offer({ taskId: 'a' }, attempt);
        waits.push(...settled);
      }
      const seconds = [1, 2, 4, 8, 16, 30, 30, 30];
      expect(waits).toEqual(seconds.map((each) => `handed back until ${each * 1_000}`));
      expect(pool.reports).toEqual(Array(8).fill({ type: 'task.refused', id: 'a', error: broken }));
    },
  );

  test('can be made when it comes again', async () => {
    let times = 0;
    using pool = openPool({
      createTask: (make, id) => {
        times += 1;
        if (times === 1) throw broken;
        return make(id);
      },
    });
    await pool.offer({ taskId: 'a' });
    const again = await pool.offer({ taskId: 'a' }, 2);
    pool.task('a').end();
    expect(again.settled).toEqual(['acknowledged']);
  });

  test('holds up no other', async () => {
    using pool = openPool({
      createTask: (make, id) => (id === 'stuck' ? new Promise(() => {}) : make(id)),
    });
    await pool.offer({ taskId: 'stuck' });
    await pool.offer({ taskId: 'b' });
    expect(pool.task('b').state).toBe('live');
  });
});

describe('O2: a task that another process owns now', () => {
  test('is stopped and reported; its delivery is the other’s, and neither acknowledged nor handed back', async () => {
    using pool = openPool();
    const delivery = await pool.offer({ taskId: 'a' });
    const lost = new OwnershipLostError('a', { cause: broken });
    pool.task('a').crash(lost);
    pool.send({ type: 'pool.drain' });
    await turns();
    expect(pool.task('a').state).toBe('stopped');
    expect(delivery.settled).toEqual([]);
    expect(pool.reports).toEqual([
      { type: 'task.lost', id: 'a', error: lost },
      { type: 'pool.drained', handedBack: 0 },
    ]);
    await pool.clock.advance(60_000);
    expect(delivery.beats).toBe(0);
  });
});

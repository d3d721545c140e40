import { describe, expect, test } from 'vitest';
import { FakeOffer, FakeTask, openPool, type PoolStandOptions, turns } from './pool-stand.ts';
import { refuseStrayErrors } from './stray-errors.ts';

refuseStrayErrors();

/** Tasks whose ids begin with "suspect" ask to be run alone. */
const suspicious: NonNullable<PoolStandOptions['createTask']> = (make, id, _request, _message, { alone }) =>
  id.startsWith('suspect') && !alone ? { alone: true } : make(id);

describe('a task that its process may have died of', () => {
  test('Q2: is started once nothing else is in flight', async () => {
    using pool = openPool({ createTask: suspicious });
    await pool.offer({ taskId: 'a' });
    const delivery = await pool.offer({ taskId: 'suspect' });
    expect(pool.made.map(({ id }) => id)).toEqual(['a']);
    pool.task('a').end();
    await turns();
    expect(pool.made.map(({ id }) => id)).toEqual(['a', 'suspect']);
    expect(delivery.settled).toEqual([]);
  });

  test('Q1: while it waits and runs no other is started; afterwards they are, in order', async () => {
    using pool = openPool({ createTask: suspicious });
    await pool.offer({ taskId: 'suspect' });
    const waiting = await pool.offer({ taskId: 'b' });
    await pool.offer({ taskId: 'c' });
    expect(pool.made.map(({ id }) => id)).toEqual(['suspect']);
    expect(waiting.settled).toEqual([]);
    await pool.clock.advance(10_000);
    expect(waiting.beats).toBeGreaterThan(0);
    pool.task('suspect').end();
    await turns();
    expect(pool.made.map(({ id }) => id)).toEqual(['suspect', 'b', 'c']);
  });

  test('Q2: what does not end by itself within a second is given back in order', async () => {
    class Lasting extends FakeTask {
      override async release(): Promise<void> {
        this.state = 'released';
      }
    }
    using pool = openPool({
      createTask: (make, id, ...args) => {
        if (id !== 'a') return suspicious(make, id, ...args);
        const task = new Lasting(id);
        pool.made.push(task);
        return task;
      },
    });
    const healthy = await pool.offer({ taskId: 'a' });
    await pool.offer({ taskId: 'suspect' });
    await pool.clock.advance(999);
    expect(pool.made.map(({ id, state }) => [id, state])).toEqual([['a', 'live']]);
    await pool.clock.advance(1);
    await turns();
    expect(healthy.settled).toEqual(['handed back']);
    expect(pool.made.map(({ id, state }) => [id, state])).toEqual([
      ['a', 'released'],
      ['suspect', 'live'],
    ]);
  });

  test.each(['is cleared', 'ends', 'crashes', 'parks', 'lasts'])('Q3: is alone until it %s', async (what) => {
    using pool = openPool({ createTask: suspicious });
    for (const taskId of ['suspect-1', 'suspect-2']) {
      pool.send({ type: 'task.offer', delivery: new FakeOffer({ taskId }) });
    }
    await turns();
    await pool.offer({ taskId: 'b' });
    const task = pool.task('suspect-1');
    if (what === 'is cleared') task.clear();
    else if (what === 'ends') task.end();
    else if (what === 'crashes') task.crash(new Error('again'));
    else if (what === 'parks') task.park(60_000);
    else await pool.clock.advance(2_000);
    await turns();
    // One that is still there is in the way of the next suspect.
    if (what === 'is cleared' || what === 'lasts') task.end();
    await turns();
    expect(pool.made.map(({ id }) => id)).toEqual(['suspect-1', 'suspect-2']);
    pool.task('suspect-2').clear();
    await turns();
    expect(pool.made.map(({ id }) => id)).toEqual(['suspect-1', 'suspect-2', 'b']);
  });

  test('is handed back by a pool that drains, with all that waits', async () => {
    using pool = openPool({ createTask: suspicious });
    const healthy = await pool.offer({ taskId: 'a' });
    const suspect = await pool.offer({ taskId: 'suspect' });
    const waiting = await pool.offer({ taskId: 'b' });
    pool.send({ type: 'pool.drain' });
    await turns();
    expect([suspect.settled, waiting.settled, healthy.settled]).toEqual([
      ['handed back'],
      ['handed back'],
      [],
    ]);
    pool.task('a').end();
    await turns();
    expect(pool.reports).toEqual([{ type: 'pool.drained', handedBack: 0 }]);
    await pool.clock.advance(10_000);
    expect(pool.clock.pending).toBe(0);
  });

  test('whose event comes meanwhile gets it when it runs', async () => {
    using pool = openPool({ createTask: suspicious });
    await pool.offer({ taskId: 'a' });
    await pool.offer({ taskId: 'suspect' });
    const event = await pool.offer({
      kind: 'event',
      taskId: 'suspect',
      eventId: 'e',
      body: { type: 'wake' },
    });
    pool.task('a').end();
    await turns();
    pool.task('suspect').clear();
    await turns();
    expect(pool.task('suspect').events).toEqual([{ type: 'wake' }]);
    expect(event.settled).toEqual(['acknowledged']);
  });
});

describe('a task that parks', () => {
  test('is handed back until its time', async () => {
    using pool = openPool();
    const delivery = await pool.offer({ taskId: 'a' });
    pool.task('a').park(60_000);
    expect(delivery.settled).toEqual(['handed back until 60000']);
    expect(pool.report('a')).toBeUndefined();
  });

  test('for an event alone needs no wake-up: its message goes', async () => {
    using pool = openPool();
    const delivery = await pool.offer({ taskId: 'a' });
    pool.task('a').park();
    expect(delivery.settled).toEqual(['acknowledged']);
  });
});

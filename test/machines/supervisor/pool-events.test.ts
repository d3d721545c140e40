import { describe, expect, test } from 'vitest';
import { FakeTask, openPool, turns } from './pool-stand.ts';
import { refuseStrayErrors } from './stray-errors.ts';

refuseStrayErrors();

const event = (taskId: string, type = 'go', eventId = type) =>
  ({ kind: 'event', taskId, eventId, body: { type } }) as const;

/** A task whose journal is slow: an event is in it once the test says so. */
class SlowTask extends FakeTask {
  readonly stored = Promise.withResolvers<void>();

  override async send(sent: { type: string }): Promise<void> {
    this.events.push(sent);
    await this.stored.promise;
  }
}

describe('an event for a task that lives', () => {
  test('O2: reaches it before its message is acknowledged', async () => {
    const tasks: SlowTask[] = [];
    using pool = openPool({
      createTask: (_, id) => {
        const task = new SlowTask(id);
        tasks.push(task);
        return task;
      },
    });
    await pool.offer({ taskId: 'a' });
    const delivery = await pool.offer(event('a'));
    expect(tasks[0]?.events).toEqual([{ type: 'go' }]);
    expect(delivery.settled).toEqual([]);
    tasks[0]?.stored.resolve();
    await turns();
    expect(delivery.settled).toEqual(['acknowledged']);
  });

  test('while that is being made waits for it, in order, and starts no second', async () => {
    const ready = Promise.withResolvers<void>();
    using pool = openPool({
      createTask: async (make, id) => {
        await ready.promise;
        return make(id);
      },
    });
    const request = await pool.offer({ taskId: 'a' });
    const first = await pool.offer(event('a', 'first'));
    const second = await pool.offer(event('a', 'second'));
    expect([first.settled, second.settled]).toEqual([[], []]);
    ready.resolve();
    await turns();
    expect(pool.made).toHaveLength(1);
    expect(pool.task('a').events).toEqual([{ type: 'first' }, { type: 'second' }]);
    expect([request, first, second].map(({ settled }) => settled)).toEqual([
      [],
      ['acknowledged'],
      ['acknowledged'],
    ]);
  });

  test('that then cannot be made wakes it anew, and is handed back', async () => {
    const ready = Promise.withResolvers<void>();
    using pool = openPool({
      createTask: async () => {
        await ready.promise;
        throw new Error('no');
      },
    });
    await pool.offer({ taskId: 'a' });
    const delivery = await pool.offer(event('a'));
    ready.resolve();
    await turns();
    expect(delivery.settled).toEqual(['handed back until 1000']);
  });

  test('that does not take it, since it is on its way out, wakes it anew: nothing is lost', async () => {
    class Leaving extends FakeTask {
      override send(event: { type: string }): unknown {
        super.send(event);
        return this.events.length > 1 || pool.made.length > 1;
      }
    }
    using pool = openPool({ createTask: (_, id) => pool.made[pool.made.push(new Leaving(id)) - 1] });
    const request = await pool.offer({ taskId: 'a' });
    const delivery = await pool.offer(event('a'));
    await turns();
    // How it leaves is its own to say: its message may be another's by now.
    expect([request.settled, delivery.settled]).toEqual([[], []]);
    pool.task('a').park(60_000);
    await turns();
    expect(pool.made.map(({ events }) => events.length)).toEqual([1, 1]);
    expect(request.settled).toEqual(['handed back until 60000']);
    expect(delivery.settled).toEqual([]);
    pool.task('a').end();
    await turns();
    expect(delivery.settled).toEqual(['acknowledged']);
  });

  test('that does not take it comes again after a growing wait, and is reported', async () => {
    const full = new Error('no space');
    class Full extends FakeTask {
      override send(): never {
        throw full;
      }
    }
    using pool = openPool({ createTask: (_, id) => new Full(id) });
    const request = await pool.offer({ taskId: 'a' });
    const delivery = await pool.offer(event('a'), 3);
    expect(delivery.settled).toEqual(['handed back until 4000']);
    expect(request.settled).toEqual([]);
    expect(pool.reports).toEqual([{ type: 'delivery.unsettled', id: 'a', error: full }]);
  });
});

describe('an event for a task that does not live', () => {
  test('wakes it: the task has the event before others, and its message goes with the task', async () => {
    using pool = openPool();
    const delivery = await pool.offer(event('a', 'wake'));
    await pool.offer(event('a', 'more'));
    expect(pool.task('a').events).toEqual([{ type: 'wake' }, { type: 'more' }]);
    expect(delivery.settled).toEqual([]);
    pool.task('a').end();
    expect(delivery.settled).toEqual(['acknowledged']);
  });

  test('whose request comes next: the event goes once the task has it, the request is held', async () => {
    const tasks: SlowTask[] = [];
    using pool = openPool({
      createTask: (_, id) => {
        const task = new SlowTask(id);
        tasks.push(task);
        return task;
      },
    });
    const wake = await pool.offer(event('a', 'wake'));
    const request = await pool.offer({ taskId: 'a' });
    expect(wake.settled).toEqual([]);
    tasks[0]?.stored.resolve();
    await turns();
    expect([wake.settled, request.settled]).toEqual([['acknowledged'], []]);
    pool.send({ type: 'pool.release' });
    expect(request.settled).toEqual(['handed back']);
  });

  test('that comes again after it lapsed is the same wake-up: it is not sent twice', async () => {
    using pool = openPool();
    const first = await pool.offer(event('a', 'wake', 'e-1'));
    const again = await pool.offer(event('a', 'wake', 'e-1'), 2);
    expect(pool.task('a').events).toEqual([{ type: 'wake' }]);
    expect([first.settled, again.settled]).toEqual([['acknowledged'], []]);
    pool.send({ type: 'pool.release' });
    expect(again.settled).toEqual(['handed back']);
  });

  test('that ends at once is sent nothing more', async () => {
    class Brief extends FakeTask {
      override start(): void {
        this.end();
      }
    }
    const tasks: Brief[] = [];
    using pool = openPool({
      createTask: (_, id) => {
        const task = new Brief(id);
        tasks.push(task);
        return task;
      },
    });
    const delivery = await pool.offer(event('a'));
    expect(delivery.settled).toEqual(['acknowledged']);
    expect(tasks[0]?.events).toEqual([]);
  });
});

describe('an event that is sent from within the process', () => {
  test('reaches the task that lives here, and says so', async () => {
    using pool = openPool();
    await pool.offer({ taskId: 'a' });
    await expect(pool.sendTo('a', { type: 'go' })).resolves.toBe(true);
    expect(pool.task('a').events).toEqual([{ type: 'go' }]);
  });

  test('says that none lives here: never asked for, ended, refused', async () => {
    using pool = openPool();
    await expect(pool.sendTo('a', { type: 'go' })).resolves.toBe(false);
    await pool.offer({ taskId: 'a' });
    pool.task('a').end();
    await expect(pool.sendTo('a', { type: 'go' })).resolves.toBe(false);
  });

  test('waits for a task that is being made', async () => {
    const ready = Promise.withResolvers<void>();
    using pool = openPool({
      createTask: async (make, id) => {
        await ready.promise;
        return make(id);
      },
    });
    await pool.offer({ taskId: 'a' });
    const sent = pool.sendTo('a', { type: 'go' });
    ready.resolve();
    await expect(sent).resolves.toBe(true);
  });

  test('is not lost in a task that is handed back at that instant', async () => {
    using pool = openPool();
    await pool.offer({ taskId: 'a' });
    const sent = pool.sendTo('a', { type: 'go' });
    pool.send({ type: 'pool.release' });
    await expect(sent).resolves.toBe(false);
  });

  test('is answered although the pool is stopped while the task is being made', async () => {
    const pool = openPool({ createTask: () => new Promise(() => {}) });
    await pool.offer({ taskId: 'a' });
    const sent = pool.sendTo('a', { type: 'go' });
    pool.stop();
    await expect(sent).resolves.toBe(false);
  });

  test('hears what kept the task from taking it', async () => {
    class Full extends FakeTask {
      override send(): never {
        throw new Error('no space');
      }
    }
    using pool = openPool({ createTask: (_, id) => new Full(id) });
    await pool.offer({ taskId: 'a' });
    await expect(pool.sendTo('a', { type: 'go' })).rejects.toThrow('no space');
  });
});

import { describe, expect, test } from 'vitest';
import { UnavailableError } from '../../src/backends/index.ts';
import { refuseStrayErrors } from '../machines/supervisor/stray-errors.ts';
import { changesOf, deliveryWith, openStand, type Replace, work } from './stand.ts';

refuseStrayErrors();

const ids = (count: number) => Array.from({ length: count }, (_, index) => `t${index}`);

describe('two services on one backend', () => {
  test('share the work; no task is run twice', async () => {
    await using stand = openStand();
    const one = work();
    const other = work();
    const service = await stand.serve([one.task], { limit: 5 });
    await stand.serve([other.task], { limit: 5 });
    const tasks = await Promise.all(ids(20).map((id) => service.submit({ id, name: 'work' })));
    const finished = new Set<string>();
    for (let round = 0; round < 20 && finished.size < 20; round += 1) {
      await stand.pass();
      for (const side of [one, other]) {
        expect(side.begun.filter((id) => !finished.has(id)).length).toBeLessThanOrEqual(5);
        for (const id of side.begun) {
          if (!finished.has(id)) side.finish(id, side === one ? 'one' : 'other');
          finished.add(id);
        }
      }
    }
    const results = await Promise.all(tasks.map((task) => task.result()));
    expect(one.begun.length).toBeGreaterThan(0);
    expect(other.begun.length).toBeGreaterThan(0);
    expect([...one.begun, ...other.begun].toSorted()).toEqual(ids(20).toSorted());
    expect(new Set(results.map(({ output }) => output))).toEqual(new Set(['one', 'other']));
  });

  test('never let more live than each has places', async () => {
    await using stand = openStand();
    const { task, begun, finish } = work();
    const service = await stand.serve([task], { limit: 3 });
    for (const id of ids(10)) await service.submit({ id, name: 'work' });
    for (let done = 0; done < 10; done += 1) {
      await stand.pass(1_000);
      expect(begun.length).toBe(Math.min(10, done + 3));
      finish(begun[done] ?? '');
    }
  });

  test('each take only the tasks that they know', async () => {
    await using stand = openStand();
    const one = work({ name: 'one' });
    const other = work({ name: 'other' });
    const services = { one: await stand.serve([one.task]), other: await stand.serve([other.task]) };
    await services.one.submit({ id: 'a', name: 'one' });
    await services.other.submit({ id: 'b', name: 'other' });
    await expect(services.one.submit({ id: 'c', name: 'other' })).rejects.toThrow('no task is named "other"');
    await stand.pass();
    expect([one.begun, other.begun]).toEqual([['a'], ['b']]);
    await expect(services.one.task('b')).resolves.toMatchObject({ name: 'other' });
  });
});

describe('a service that is held up longer than the inbox waits', () => {
  test('runs its task on, and gives it back when it drains: no wake-up is lost by the lapse', async () => {
    await using stand = openStand();
    const first = work({ deaf: true });
    const service = await stand.serve([first.task], { drainWithin: 0 });
    const task = await service.submit({ id: 'a', name: 'work' });
    await stand.pass();
    // The process sleeps: all that is due comes at once, and late.
    stand.clock.set(stand.clock.now() + 3_600_000);
    await stand.pass(1_000);
    expect(first.begun).toEqual(['a']);
    await expect(stand.drain(service)).resolves.toEqual({ handedBack: 1 });
    const second = work();
    await stand.serve([second.task]);
    expect(second.begun).toEqual(['a']);
    second.finish('a', 'the second');
    await expect(task.result()).resolves.toMatchObject({ output: 'the second' });
  });

  test('loses its task to another; the other’s end stands, and what the first did is not recorded', async () => {
    let handedOver = 0;
    await using stand = openStand(({ inbox }) => ({
      inbox: {
        // The first delivery goes to a service that is cut off: its signs of life do not come through, and nothing more to it.
        take: (options, onDelivery) =>
          inbox.take(options, (delivery) => {
            handedOver += 1;
            if (handedOver === 1) onDelivery(Object.assign(delivery, { keepAlive: () => {} }));
            else if (options.limit === 1) void delivery.handBack();
            else onDelivery(delivery);
          }),
      },
    }));
    const first = work();
    const service = await stand.serve([first.task], { limit: 1 });
    const task = await service.submit({ id: 'a', name: 'work' });
    await stand.pass();
    const second = work();
    await stand.serve([second.task], { limit: 10 });
    await stand.pass(31_000);
    expect([first.begun, second.begun]).toEqual([['a'], ['a']]);
    first.finish('a', 'the first');
    await stand.pass();
    expect(stand.reports).toContainEqual(expect.objectContaining({ type: 'task.lost', id: 'a' }));
    second.finish('a', 'the second');
    await expect(task.result()).resolves.toMatchObject({ output: 'the second' });
    const changes = await changesOf(task);
    expect(new Set(changes.map(({ id }) => id)).size).toBe(changes.length);
  });
});

describe('a task that another service runs', () => {
  /** Nothing that is held is kept alive, as if its holder were slow. */
  const forgetful: Replace = (backend) => ({
    inbox: {
      take: (options, onDelivery) =>
        backend.inbox.take(options, (delivery) =>
          onDelivery(deliveryWith(delivery, { keepAlive: () => {} })),
        ),
    },
  });

  test('is left to it when its message comes again', async () => {
    await using stand = openStand(forgetful);
    const one = work();
    const other = work();
    const first = await stand.serve([one.task], { limit: 1 });
    const task = await first.submit({ id: 'a', name: 'work' });
    await stand.pass();
    await stand.serve([other.task]);
    // Step by step: whoever is asked has a second of this time to answer.
    for (let seconds = 0; seconds < 70; seconds += 1) await stand.pass(1_000);
    expect([one.begun, other.begun]).toEqual([['a'], []]);
    one.finish('a', 'by the first');
    for (let seconds = 0; seconds < 40; seconds += 1) await stand.pass(1_000);
    await expect(task.result()).resolves.toMatchObject({ output: 'by the first' });
    expect(other.begun).toEqual([]);
    expect(stand.reports).toEqual([]);
  });

  test('is taken over when nobody answers; who ran it stops, and starts nothing more', async () => {
    await using stand = openStand((backend) => ({
      ...forgetful(backend),
      actors: { ask: async () => Promise.reject(new UnavailableError('actors.ask', { cause: 'no answer' })) },
    }));
    const one = work();
    const other = work();
    const first = await stand.serve([one.task], { limit: 1 });
    const task = await first.submit({ id: 'a', name: 'work' });
    await stand.pass();
    await stand.serve([other.task]);
    await stand.pass(60_000);
    expect([one.begun, other.begun]).toEqual([['a'], ['a']]);
    one.finish('a', 'too late');
    await stand.pass();
    other.finish('a', 'by the other');
    await stand.pass(60_000);
    await expect(task.result()).resolves.toMatchObject({ output: 'by the other' });
    expect(stand.reports.map(({ type }) => type)).toEqual(['task.lost']);
  });

  test('hears an event though that has no place left, once', async () => {
    await using stand = openStand();
    const one = work();
    const first = await stand.serve([one.task], { limit: 1 });
    const door = await stand.serve([work({ name: 'another' }).task]);
    const task = await first.submit({ id: 'a', name: 'work' });
    await stand.pass();
    await (await door.task('a')).cancel('from afar');
    await expect(task.result()).resolves.toMatchObject({ status: 'cancelled' });
    expect(one.aborted).toEqual(['a']);
  });

  test('is looked at from anywhere', async () => {
    await using stand = openStand();
    const one = work();
    await stand.serve([one.task]);
    const door = await stand.serve([work().task], { limit: 1 });
    const task = await door.submit({ id: 'a', name: 'work' });
    await stand.pass();
    await expect(task.view()).resolves.toMatchObject({
      status: 'running',
      steps: { work: { status: 'running', attempts: 1 } },
    });
  });
});

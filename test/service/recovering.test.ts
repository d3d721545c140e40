import { describe, expect, test } from 'vitest';
import { createMachine } from 'xstate';
import { z } from 'zod';
import { defineTask } from '../../machines/task/index.ts';
import type { Service, TaskHandle } from '../../src/service/index.ts';
import { TaskPast } from '../../src/service/task-past.ts';
import { refuseStrayErrors } from '../machines/supervisor/stray-errors.ts';
import { charted, openStand, type Stand, work } from './stand.ts';

refuseStrayErrors();

/** Lets a process take up what there is, and die of it. */
async function dies(stand: Stand, serve: () => Promise<Service>): Promise<void> {
  const service = await serve();
  await stand.pass();
  await stand.kill(service);
}

describe('a task that its process dies of', () => {
  test('twice in company is run alone, and set aside after three more times; its neighbours go on', async () => {
    await using stand = openStand();
    const lives: string[][] = [];
    let current = work();
    const serve = async () => {
      current = work();
      lives.push(current.begun);
      return stand.serve([current.task]);
    };
    const first = await serve();
    const killer = await first.submit({ id: 'killer', name: 'work' });
    const neighbour = await first.submit({ id: 'neighbour', name: 'work' });
    await stand.pass();
    await stand.kill(first);
    await dies(stand, serve);
    // From here on each is run alone. The neighbour lives through it; whatever else is there, the killer kills.
    for (let life = 0; life < 12; life += 1) {
      const service = await serve();
      await stand.pass();
      if (current.begun.at(-1) === 'neighbour') {
        current.finish('neighbour');
        await stand.pass();
      }
      if (!current.begun.includes('killer')) {
        await expect(killer.view()).resolves.toMatchObject({
          status: 'blocked',
          error: { code: 'process_died' },
        });
        await stand.drain(service);
        break;
      }
      await stand.kill(service);
    }
    expect(lives[0]).toEqual(['killer', 'neighbour']);
    expect(lives[1]).toEqual(['killer', 'neighbour']);
    const alone = lives.slice(2).flatMap((begun) => (begun.includes('killer') ? [begun] : []));
    expect(alone).toHaveLength(3);
    await expect(neighbour.result()).resolves.toMatchObject({ status: 'complete' });
    expect(stand.reports.map(({ type }) => type)).toEqual(['task.blocked']);
    const statuses = (await changesUntil(killer, 'blocked')).map(({ data }) => data.status);
    expect(new Set(statuses)).toEqual(new Set(['running', 'blocked']));
  });

  test('is not suspected once anything came to it', async () => {
    await using stand = openStand();
    let calls = 0;
    const task = defineTask({
      name: 'slow',
      version: '1',
      context: z.object({}),
      retry: { attempts: 100, baseDelay: 1, jitter: 'none' },
    })
      .step('slow', {
        output: z.string(),
        // Every second attempt fails; the others take longer than their process lives.
        run: () => {
          calls += 1;
          if (calls % 2 === 0) throw new Error('again');
          return calls > 20 ? 'done' : new Promise<string>(() => {});
        },
      })
      .build({ output: ({ slow }) => slow });
    let service = await stand.serve([task]);
    const handle = await service.submit({ id: 'a', name: 'slow' });
    for (let life = 0; life < 11; life += 1) {
      await stand.pass(1_000);
      await stand.kill(service);
      service = await stand.serve([task]);
    }
    await stand.pass(1_000);
    await expect(handle.result()).resolves.toMatchObject({ status: 'complete' });
    expect(stand.reports).toEqual([]);
  });

  test('but not one that only waited: it is in nobody’s way', async () => {
    await using stand = openStand();
    const made = work();
    let service = await stand.serve([made.task], { parkAfter: 3_600_000 });
    const ids = ['a', 'b', 'c', 'd', 'e'];
    for (const id of ids) await service.submit({ id, name: 'work' });
    await stand.pass();
    const busy = Object.assign(new Error('not yet'), { retryable: true, retryAfter: 600_000 });
    for (const id of ids) made.fail(id, busy);
    await stand.pass();
    for (let death = 0; death < 3; death += 1) {
      await stand.kill(service);
      await stand.pass();
      service = await stand.serve([made.task], { parkAfter: 3_600_000 });
    }
    // As long as their waits take, and no longer.
    await stand.pass(600_000);
    expect(made.begun.toSorted()).toEqual([...ids, ...ids].toSorted());
    expect(stand.reports).toEqual([]);
  });

  test('that is handed back in order, again and again, is not suspected', async () => {
    await using stand = openStand();
    let current = work();
    const serve = async () => {
      current = work();
      return stand.serve([current.task], { drainWithin: 0 });
    };
    let service = await serve();
    const task = await service.submit({ id: 'a', name: 'work' });
    for (let life = 0; life < 8; life += 1) {
      await stand.pass();
      expect(current.begun).toEqual(['a']);
      await stand.drain(service);
      service = await serve();
    }
    await stand.pass();
    current.finish('a');
    await expect(task.result()).resolves.toMatchObject({ status: 'complete' });
    expect(stand.reports).toEqual([]);
  });

  test('that is handed back while it is taken up, again and again, is not suspected either', async () => {
    let gate: PromiseWithResolvers<void> | undefined;
    await using stand = openStand((backend) => ({
      journal: {
        append: async (id, expected, commit) => {
          if (JSON.stringify(commit.entries).includes('task.resumed')) await gate?.promise;
          return backend.journal.append(id, expected, commit);
        },
      },
    }));
    const first = await stand.serve([work().task], { drainWithin: 0 });
    const task = await first.submit({ id: 'a', name: 'work' });
    await stand.pass();
    await stand.drain(first);
    for (let life = 0; life < 4; life += 1) {
      gate = Promise.withResolvers();
      const service = await stand.serve([work().task], { drainWithin: 60_000 });
      const drained = service.drain();
      await stand.pass();
      gate.resolve();
      await stand.pass();
      await expect(drained).resolves.toEqual({ handedBack: 0 });
    }
    const { task: last, begun, finish } = work();
    await stand.serve([last, work({ name: 'other' }).task]);
    const past = await TaskPast.read(stand.backend.journal.read('a'));
    expect(past?.deaths).toEqual({ inCompany: 1, alone: 0 });
    expect(begun).toEqual(['a']);
    finish('a');
    await expect(task.result()).resolves.toMatchObject({ status: 'complete' });
  });

  test('before it has begun is counted too', async () => {
    // As if the process died before it could write that the task begins.
    await using stand = openStand((backend) => ({
      journal: {
        append: (id, expected, commit) =>
          JSON.stringify(commit.entries).includes('"began"')
            ? new Promise(() => {})
            : backend.journal.append(id, expected, commit),
      },
    }));
    const { task, begun } = work();
    let service = await stand.serve([task]);
    const handle = await service.submit({ id: 'a', name: 'work' });
    for (let life = 0; life < 6; life += 1) {
      await stand.pass();
      await stand.kill(service);
      service = await stand.serve([task]);
    }
    await stand.pass();
    await expect(handle.view()).resolves.toMatchObject({ status: 'blocked' });
    expect(begun).toEqual([]);
    await stand.kill(service);
  });
});

describe('a task that was set aside since its chart is another', () => {
  const chart = (steps: string[]) =>
    charted(
      createMachine({
        id: 'charted',
        context: { id: 'a', context: {}, results: {}, steps: {} },
        initial: steps[0] as string,
        states: Object.fromEntries(
          steps.map((step, index) => {
            const next = steps[index + 1];
            return [step, { tags: ['running'], ...(next && { on: { go: next } }) }];
          }),
        ),
      }),
    );
  const go = (stand: Stand, eventId: string) =>
    stand.backend.inbox.deliver({ taskId: 'a', name: 'charted', eventId, body: { type: 'go' } });

  test('can be cancelled: what cannot go on can be ended', async () => {
    await using stand = openStand();
    const first = await stand.serve([chart(['one', 'two', 'three'])]);
    const task = await first.submit({ id: 'a', name: 'charted' });
    await stand.pass();
    await go(stand, '1');
    await stand.pass();
    await stand.drain(first);
    const renamed = await stand.serve([chart(['one', 'deux', 'three'])]);
    await go(stand, '2');
    await stand.pass();
    await expect(task.view()).resolves.toMatchObject({ status: 'blocked' });
    await (await renamed.task('a')).cancel('nobody needs it');
    await stand.pass();
    await expect(task.result()).resolves.toMatchObject({
      status: 'cancelled',
      error: { code: 'cancelled', message: 'Cancelled: nobody needs it' },
    });
  });

  test('is blocked with a message, costs little while it is, and goes on with the old code (D6)', async () => {
    await using stand = openStand();
    const first = await stand.serve([chart(['one', 'two', 'three'])]);
    const task = await first.submit({ id: 'a', name: 'charted' });
    await stand.pass();
    await go(stand, '1');
    await stand.pass();
    await stand.drain(first);

    const renamed = await stand.serve([chart(['one', 'deux', 'three'])]);
    await go(stand, '2');
    await stand.pass();
    const view = await task.view();
    expect(view.status).toBe('blocked');
    expect(view.error?.message).toMatch(/stood at .*two.*on replay.*deux/s);
    const entries = (await stand.backend.journal.last('a'))?.sequence;
    await stand.pass(10 * 60_000);
    expect((await stand.backend.journal.last('a'))?.sequence).toBe(entries);

    expect(stand.reports.map(({ type }) => type)).toEqual(['task.blocked']);
    await stand.drain(renamed);

    await stand.serve([chart(['one', 'two', 'three'])]);
    await stand.pass(60_000);
    await expect(task.view()).resolves.toMatchObject({ status: 'parked' });
    await go(stand, '3');
    await stand.pass();
    const statuses = (await changesUntil(task, 'blocked')).map(({ data }) => data.status);
    expect(statuses.at(-1)).toBe('blocked');
  });
});

describe('a task that no chart here replays', () => {
  const guarded = (isBig: (n: number) => boolean, { extra = false } = {}) =>
    charted(
      createMachine({
        id: 'charted',
        context: { id: 'a', context: {}, results: {}, steps: {} },
        initial: 'one',
        states: {
          one: {
            tags: ['running'],
            on: {
              go: [
                {
                  // An arrow function of another body has the same name: charts alike by their hash.
                  guard: ({ event }) => isBig((event as unknown as { n: number }).n),
                  target: 'big',
                },
                { target: 'small' },
              ],
            },
          },
          big: { tags: ['running'], on: { go: 'done' } },
          small: { tags: ['running'], on: { go: 'done' } },
          done: { type: 'final', tags: ['complete'], output: { status: 'complete', output: 'done' } },
          ...(extra && { unused: {} }),
        },
      }),
    );
  const go = (stand: Stand, eventId: string) =>
    stand.backend.inbox.deliver({ taskId: 'a', name: 'charted', eventId, body: { type: 'go', n: 10 } });

  test('goes on with the old code, though its chart looks the same', async () => {
    await using stand = openStand();
    const first = await stand.serve([guarded((n) => n > 5)]);
    const task = await first.submit({ id: 'a', name: 'charted' });
    await stand.pass();
    await go(stand, '1');
    await stand.pass();
    await stand.drain(first);
    const changed = await stand.serve([guarded((n) => n > 50)]);
    await go(stand, '2');
    await stand.pass();
    await expect(task.view()).resolves.toMatchObject({ status: 'blocked' });
    await stand.drain(changed);
    await stand.serve([guarded((n) => n > 5)]);
    await stand.pass(60_000);
    // What came while it was blocked is taken now.
    const { ended } = (await TaskPast.read(stand.backend.journal.read('a'))) ?? {};
    expect(ended?.view.status).toBe('complete');
  });

  test('does not fill its journal while two workers of different charts try it in turn', async () => {
    await using stand = openStand();
    const first = await stand.serve([guarded((n) => n > 5)]);
    await first.submit({ id: 'a', name: 'charted' });
    await stand.pass();
    await go(stand, '1');
    await stand.pass();
    await stand.drain(first);
    await stand.serve([guarded((n) => n > 50)]);
    await stand.serve([guarded((n) => n > 50, { extra: true })]);
    await go(stand, '2');
    await stand.pass(20 * 60_000);
    const types: string[] = [];
    for await (const { entries } of stand.backend.journal.read('a')) {
      types.push(...entries.map((entry) => (entry as { type: string }).type));
    }
    expect(types.filter((type) => type === 'task.blocked').length).toBeLessThanOrEqual(2);
    expect(stand.reports.map(({ type }) => type)).toEqual(['task.blocked', 'task.blocked']);
  });
});

/** The changes of a task up to a status. */
async function changesUntil(task: TaskHandle, status: string) {
  const changes = [];
  for await (const change of task.changes()) {
    changes.push(change);
    if (change.data.status === status) break;
  }
  return changes;
}

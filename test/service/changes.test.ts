import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineTask } from '../../machines/task/index.ts';
import { UnavailableError } from '../../src/backends/index.ts';
import {
  type ChangeEvent,
  emptyView,
  type TaskHandle,
  type TaskView,
  withChanges,
} from '../../src/service/index.ts';
import { refuseStrayErrors } from '../machines/supervisor/stray-errors.ts';
import { changesOf, echoTask, openStand, type Replace, soFar, turns, work } from './stand.ts';

refuseStrayErrors();

/** Two fetches side by side, a check, then a step that fails twice. */
function eventful() {
  let failures = 0;
  return defineTask({
    name: 'order',
    version: '2',
    context: z.object({}),
    retry: { baseDelay: 1_000, jitter: 'none' },
  })
    .step('fetch_cart', { output: z.number(), run: () => 1 })
    .step('fetch_products', { output: z.number(), run: () => turn(2) })
    .step('validate', {
      after: ['fetch_cart', 'fetch_products'],
      output: z.boolean(),
      issues: { empty: 'It is empty.' },
      check: () => ({ output: true }),
    })
    .step('create', {
      after: ['validate'],
      output: z.string(),
      run: () => {
        failures += 1;
        if (failures < 3) throw new Error(`failure ${failures}`);
        return 'created';
      },
    })
    .build();
}

function folded(task: TaskHandle, changes: readonly ChangeEvent[]): TaskView {
  return changes.reduce(
    (view, { time, data }) => withChanges(view, data.changes, Date.parse(time)),
    emptyView(task),
  );
}

const statusesOf = (changes: readonly ChangeEvent[], step: string) =>
  changes.flatMap(({ data }) =>
    data.changes.flatMap((change) =>
      'step' in change && change.step === step ? [`${change.status} ${change.attempts}`] : [],
    ),
  );

async function runEventful(replace?: Replace) {
  await using stand = openStand(replace);
  const service = await stand.serve([eventful()]);
  const task = await service.submit({ id: 'a', name: 'order' });
  const changes = changesOf(task);
  await stand.pass(10_000);
  return { task, changes: await changes, view: await task.view(), reports: stand.reports };
}

describe('the changes of a task', () => {
  test('L1: are complete and in order, each with the status that results', async () => {
    const { changes } = await runEventful();
    expect(statusesOf(changes, 'fetch_cart')).toEqual(['running 1', 'complete 1']);
    expect(statusesOf(changes, 'fetch_products')).toEqual(['running 1', 'complete 1']);
    expect(statusesOf(changes, 'validate')).toEqual(['pending 0', 'complete 1']);
    expect(statusesOf(changes, 'create')).toEqual([
      'pending 0',
      'running 1',
      'waiting_for_retry 1',
      'running 2',
      'waiting_for_retry 2',
      'running 3',
      'complete 3',
    ]);
    expect(changes.map(({ data }) => data.status)).toEqual([
      ...Array(changes.length - 1).fill('running'),
      'complete',
    ]);
    const times = changes.map(({ time }) => Date.parse(time));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  test('carry ids <task id>/<entry>/<n>, each its own', async () => {
    const { changes } = await runEventful();
    for (const { id } of changes) expect(id).toMatch(/^a\/[1-9]\d*\/\d+$/);
    expect(new Set(changes.map(({ id }) => id)).size).toBe(changes.length);
  });

  test('folded give the view', async () => {
    const { task, changes, view } = await runEventful();
    expect(folded(task, changes)).toEqual(view);
    expect(view).toMatchObject({
      status: 'complete',
      steps: { create: { attempts: 3 } },
      output: { create: 'created' },
    });
  });

  test('are told to whoever comes later, from the first on, and again', async () => {
    await using stand = openStand();
    const service = await stand.serve([echoTask]);
    const task = await service.submit({ name: 'echo' });
    await task.result();
    const first = await changesOf(task);
    expect(await changesOf(task)).toEqual(first);
    expect(first.at(-1)?.data.status).toBe('complete');
  });

  test('L2: the last comes only when the end is recorded', async () => {
    const recorded = Promise.withResolvers<void>();
    await using stand = openStand(({ journal }) => ({
      journal: {
        append: async (taskId, expected, commit) => {
          if (commit.closing) await recorded.promise;
          return journal.append(taskId, expected, commit);
        },
      },
    }));
    const service = await stand.serve([echoTask]);
    const task = await service.submit({ name: 'echo' });
    const changes = changesOf(task);
    const result = task.result();
    await stand.pass();
    expect(await soFar(changes)).toBe('pending');
    expect(await soFar(result)).toBe('pending');
    recorded.resolve();
    expect((await changes).at(-1)?.data.status).toBe('complete');
    await expect(result).resolves.toMatchObject({ status: 'complete' });
  });

  test('L2: are all told before the task is let go of: a process that dies before that is not the last to know', async () => {
    const heard = Promise.withResolvers<void>();
    let acknowledged = 0;
    await using stand = openStand(({ events, inbox }) => ({
      events: {
        publish: async (message) => {
          await heard.promise;
          return events.publish(message);
        },
      },
      inbox: {
        take: (options, onDelivery) =>
          inbox.take(options, (delivery) =>
            onDelivery({
              message: delivery.message,
              attempt: delivery.attempt,
              acknowledge: () => {
                acknowledged += 1;
                return delivery.acknowledge();
              },
              handBack: (until) => delivery.handBack(until),
              refuse: (reason) => delivery.refuse(reason),
              keepAlive: () => delivery.keepAlive(),
            }),
          ),
      },
    }));
    const service = await stand.serve([echoTask]);
    const task = await service.submit({ name: 'echo' });
    await task.result();
    await stand.pass();
    expect(acknowledged).toBe(0);
    heard.resolve();
    await stand.pass();
    expect(acknowledged).toBe(1);
    expect((await changesOf(task)).at(-1)?.data.status).toBe('complete');
  });

  test('L1: keep their order on a bus whose answers overtake each other', async () => {
    let published = 0;
    const { task, changes, view } = await runEventful(({ events }) => ({
      events: {
        publish: async (message) => {
          published += 1;
          await turns(published % 3 === 0 ? 1 : 6);
          return events.publish(message);
        },
      },
    }));
    expect(statusesOf(changes, 'create').at(-1)).toBe('complete 3');
    expect(folded(task, changes)).toEqual(view);
    const entries = changes.map(({ id }) => Number(id.split('/')[1]));
    expect(entries).toEqual(entries.toSorted((a, b) => a - b));
  });

  test('L1: hold up no step of a bus that is away, and come when it is back, in order, each once', async () => {
    let away = true;
    await using stand = openStand(({ events }) => ({
      events: {
        publish: async (message) => {
          if (away) throw new UnavailableError('events.publish', { cause: 'no connection' });
          return events.publish(message);
        },
      },
    }));
    const service = await stand.serve([eventful()]);
    const task = await service.submit({ id: 'a', name: 'order' });
    const changes = changesOf(task);
    await stand.pass(20_000);
    await expect(task.view()).resolves.toMatchObject({ status: 'complete' });
    expect(await soFar(changes)).toBe('pending');
    away = false;
    await stand.pass(20_000);
    expect(folded(task, await changes)).toEqual(await task.view());
    expect(stand.reports).toEqual([]);
  });

  test('that a bus is away for too long are reported, and the service still drains', async () => {
    const away = new UnavailableError('events.publish', { cause: 'no connection' });
    await using stand = openStand(() => ({ events: { publish: () => Promise.reject(away) } }));
    const service = await stand.serve([echoTask]);
    const task = await service.submit({ id: 'a', name: 'echo' });
    await expect(task.result()).resolves.toMatchObject({ status: 'complete' });
    await stand.pass(200_000);
    expect(stand.reports).not.toEqual([]);
    for (const report of stand.reports)
      expect(report).toEqual({ type: 'change.unpublished', id: 'a', error: away });
    const next = await service.submit({ id: 'b', name: 'echo' });
    await next.result();
    await stand.drain(service);
    expect(stand.reports.at(-1)).toMatchObject({ id: 'b' });
    expect(stand.clock.pending).toBe(0);
  });

  test('that the bus refuses are reported; the task is none the worse', async () => {
    const refused = new Error('no stream takes it');
    await using stand = openStand(() => ({
      events: {
        publish: () => {
          throw refused;
        },
      },
    }));
    const service = await stand.serve([echoTask]);
    const task = await service.submit({ id: 'a', name: 'echo' });
    await expect(task.result()).resolves.toMatchObject({ status: 'complete' });
    await stand.pass();
    expect(stand.reports[0]).toEqual({ type: 'change.unpublished', id: 'a', error: refused });
  });
});

describe('following a task', () => {
  test('ends when its reader has enough, and leaves no subscription behind', async () => {
    let following = 0;
    await using stand = openStand(({ events }) => ({
      events: {
        subscribe: async (...args) => {
          const subscription = await events.subscribe(...args);
          following += 1;
          const stop = async () => {
            following -= 1;
            await subscription.stop();
          };
          return { stop, [Symbol.asyncDispose]: stop };
        },
      },
    }));
    const { task: definition, finish } = work();
    const service = await stand.serve([definition]);
    const task = await service.submit({ id: 'a', name: 'work' });
    for await (const { data } of task.changes()) {
      expect(data.status).toBe('running');
      expect(following).toBe(1);
      break;
    }
    expect(following).toBe(0);

    const aborter = new AbortController();
    const followed = (async () => {
      for await (const _ of task.changes({ signal: aborter.signal }));
    })();
    await stand.pass();
    expect(following).toBe(1);
    aborter.abort(new Error('enough'));
    await expect(followed).rejects.toThrow('enough');
    expect(following).toBe(0);
    await expect(task.changes({ signal: aborter.signal }).next()).rejects.toThrow('enough');
    expect(following).toBe(0);

    const all = changesOf(task);
    await stand.pass();
    finish('a');
    await all;
    expect(following).toBe(0);
  });

  test('rejects with what the bus says when it cannot be followed', async () => {
    const away = new Error('away');
    await using stand = openStand(() => ({ events: { subscribe: () => Promise.reject(away) } }));
    const service = await stand.serve([echoTask]);
    const task = await service.submit({ name: 'echo' });
    await expect(changesOf(task)).rejects.toBe(away);
  });

  test('with a reader that is slow loses nothing and holds up nobody', async () => {
    await using stand = openStand();
    const service = await stand.serve([eventful()]);
    const task = await service.submit({ id: 'a', name: 'order' });
    const slow = (async () => {
      const changes: ChangeEvent[] = [];
      for await (const change of task.changes()) {
        changes.push(change);
        await turns(20);
      }
      return changes;
    })();
    const quick = changesOf(task);
    await stand.pass(10_000);
    expect(await slow).toEqual(await quick);
  });

  test('by a subscriber that throws harms nobody', async () => {
    await using stand = openStand();
    const { backend } = stand;
    await using _throws = await backend.events.subscribe('taskchart.events.>', {}, () => {
      throw new Error('a bad subscriber');
    });
    await using _rejects = await backend.events.subscribe('taskchart.events.echo.*', { name: 'bad' }, () =>
      Promise.reject(new Error('a bad subscriber')),
    );
    const service = await stand.serve([echoTask]);
    const task = await service.submit({ name: 'echo' });
    await expect(task.result()).resolves.toMatchObject({ status: 'complete' });
    expect((await changesOf(task)).at(-1)?.data.status).toBe('complete');
    expect(stand.reports).toEqual([]);
  });
});

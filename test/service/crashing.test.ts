import { describe, expect, test } from 'vitest';
import { assign, createMachine, setup } from 'xstate';
import { z } from 'zod';
import { defineTask } from '../../machines/task/index.ts';
import { BackendClosedError, UnavailableError } from '../../src/backends/index.ts';
import { refuseStrayErrors } from '../machines/supervisor/stray-errors.ts';
import { changesOf, charted, echoTask, openStand, soFar, work } from './stand.ts';

refuseStrayErrors();

const broken = new Error('broken');
const throwBroken = () => {
  throw broken;
};

const foreign = (machine: unknown) => charted(machine, { name: 'foreign' });

const context = { id: 'a', context: {}, results: {}, steps: { one: { attempts: 1 } } };
const chart = setup({ actions: { throwBroken: assign(throwBroken) } });

describe('a task whose chart throws', () => {
  test.each<[string, unknown]>([
    ['as its context is made', createMachine({ context: throwBroken as never })],
    ['as it starts', chart.createMachine({ context, entry: 'throwBroken' })],
    [
      'later',
      chart.createMachine({
        context,
        tags: ['running', 'one:running'],
        initial: 'before',
        states: { before: { after: { 1000: 'after' } }, after: { entry: 'throwBroken' } },
      }),
    ],
    [
      'when it is sent an event',
      chart.createMachine({ context, tags: ['running'], on: { 'task.cancel': { actions: 'throwBroken' } } }),
    ],
  ])('%s ends in an error that says so, is reported, and takes no other down', async (when, machine) => {
    await using stand = openStand();
    const { task, finish } = work();
    const service = await stand.serve([task, foreign(machine)]);
    const neighbour = await service.submit({ id: 'neighbour', name: 'work' });
    const handle = await service.submit({ id: 'a', name: 'foreign' });
    await stand.pass(1_000);
    if (when === 'when it is sent an event') await handle.cancel();
    const result = await handle.result();
    expect(result).toMatchObject({ status: 'error', error: { code: 'crashed' } });
    expect(result.error?.message).toContain('broken');
    expect((await changesOf(handle)).at(-1)?.data.status).toBe('error');
    finish('neighbour');
    await expect(neighbour.result()).resolves.toMatchObject({ status: 'complete' });
    await stand.pass(120_000);
    expect(stand.reports).toEqual([{ type: 'task.crashed', id: 'a', error: broken }]);
    if (when === 'later') expect(result.steps).toMatchObject({ one: { status: 'cancelled', attempts: 1 } });
  });

  test('that shows nothing of what a task’s does ends in an error, too', async () => {
    await using stand = openStand();
    const service = await stand.serve([
      foreign(createMachine({ initial: 'a', states: { a: { after: { 10: 'b' } }, b: {} } })),
    ]);
    const handle = await service.submit({ id: 'a', name: 'foreign' });
    await stand.pass(60_000);
    await expect(handle.result()).resolves.toMatchObject({ status: 'error', error: { code: 'crashed' } });
    expect(stand.reports).toEqual([{ type: 'task.crashed', id: 'a', error: expect.any(TypeError) }]);
  });
});

describe('an end that cannot be recorded as it is', () => {
  const giving = (output: unknown) =>
    defineTask({ name: 'giving', version: '1', context: z.object({}) })
      .step('give', { output: z.unknown(), run: () => output })
      .build({ output: ({ give }) => give });

  test.each<[string, unknown, string, string]>([
    ['too large', 'x'.repeat(2_000_000), 'refused', '2000'],
    ['no JSON', { when: new Date(0) }, 'not_json', 'when'],
  ])(
    'because an output is %s fails its step for good, and says so in result, view and changes',
    async (_, output, code, reason) => {
      await using stand = openStand(undefined, { maxBlobBytes: 1_000_000 });
      const service = await stand.serve([giving(output)]);
      const handle = await service.submit({ id: 'a', name: 'giving' });
      const result = await handle.result();
      expect(result).toMatchObject({
        status: 'error',
        error: { code, step: 'give' },
        steps: { give: { status: 'error', attempts: 1 } },
      });
      expect(result.error?.message).toContain(reason);
      await expect(handle.view()).resolves.toEqual(result);
      const changes = await changesOf(handle);
      expect(changes.at(-1)?.data).toMatchObject({
        status: 'error',
        changes: [{ step: 'give', status: 'error' }, { error: { code } }],
      });
      expect(stand.reports).toEqual([]);
    },
  );

  test('because what a check found is no JSON is one, too', async () => {
    const checking = defineTask({ name: 'giving', version: '1', context: z.object({}) })
      .step('check', {
        output: z.boolean(),
        issues: { odd: 'It is odd.' },
        check: () => ({ issues: [{ code: 'odd', message: 'It is odd.', found: 7n }] as never }),
      })
      .build();
    await using stand = openStand();
    const service = await stand.serve([checking]);
    const handle = await service.submit({ id: 'a', name: 'giving' });
    await stand.pass();
    await expect(handle.result()).resolves.toMatchObject({ status: 'error' });
  });
});

describe('a journal that does not answer', () => {
  test('when a task ends is asked again until it does, the very same; the task is complete then, not before', async () => {
    const commits = new Set<string>();
    let away = true;
    await using stand = openStand(({ journal }) => ({
      journal: {
        append: async (taskId, expected, commit) => {
          if (!commit.closing) return journal.append(taskId, expected, commit);
          commits.add(commit.id);
          if (away) throw new UnavailableError('journal.append', { cause: 'no connection' });
          return journal.append(taskId, expected, commit);
        },
      },
    }));
    const service = await stand.serve([echoTask]);
    const handle = await service.submit({ id: 'a', name: 'echo', context: { well: 1 } });
    const result = handle.result();
    await stand.pass(600_000);
    expect(await soFar(result)).toBe('pending');
    away = false;
    await stand.pass(1_000);
    await expect(result).resolves.toMatchObject({ output: { well: 1 } });
    expect(commits.size).toBe(1);
    expect(stand.reports).toEqual([]);
  });

  test('though it stored what it was given is told no second time', async () => {
    let lost = 0;
    await using stand = openStand(({ journal }) => ({
      journal: {
        append: async (taskId, expected, commit) => {
          const sequence = await journal.append(taskId, expected, commit);
          lost += 1;
          if (lost === 3) throw new UnavailableError('journal.append', { cause: 'the answer was lost' });
          return sequence;
        },
      },
    }));
    const service = await stand.serve([echoTask]);
    const handle = await service.submit({ id: 'a', name: 'echo' });
    await stand.pass(5_000);
    await expect(handle.result()).resolves.toMatchObject({ status: 'complete' });
    expect((await changesOf(handle)).filter(({ data }) => data.status === 'complete')).toHaveLength(1);
    expect(stand.reports).toMatchObject([{ type: 'task.problem', id: 'a', problem: { kind: 'append' } }]);
  });

  test('when the service drains leaves no timer behind, and the task is run again elsewhere', async () => {
    let away = true;
    await using stand = openStand(({ journal }) => ({
      journal: {
        append: async (taskId, expected, commit) => {
          if (away && commit.closing)
            throw new UnavailableError('journal.append', { cause: 'no connection' });
          return journal.append(taskId, expected, commit);
        },
      },
    }));
    const service = await stand.serve([echoTask], { drainWithin: 1_000 });
    const handle = await service.submit({ id: 'a', name: 'echo' });
    await stand.pass();
    await expect(stand.drain(service)).resolves.toEqual({ handedBack: 1 });
    expect(stand.clock.pending).toBe(0);
    away = false;
    await stand.serve([echoTask]);
    await stand.pass(1_000);
    await expect(handle.result()).resolves.toMatchObject({ status: 'complete' });
  });

  test('when a task begins is asked again after a growing wait', async () => {
    const away = new UnavailableError('journal', { cause: 'no connection' });
    let reads = 0;
    await using stand = openStand(({ journal }) => ({
      journal: {
        read: (taskId, after) => {
          reads += 1;
          if (reads <= 3) throw away;
          return journal.read(taskId, after);
        },
      },
    }));
    const { task, begun } = work();
    const service = await stand.serve([task]);
    await service.submit({ id: 'a', name: 'work' });
    await stand.pass(6_999);
    expect(begun).toEqual([]);
    await stand.pass(1);
    expect(begun).toEqual(['a']);
    expect(stand.reports).toEqual(Array(3).fill({ type: 'task.refused', id: 'a', error: away }));
  });

  test('when a task is asked for is told to the caller, who asks again: it is one task', async () => {
    let appends = 0;
    await using stand = openStand(({ journal }) => ({
      journal: {
        append: async (taskId, expected, commit) => {
          appends += 1;
          // The first is not stored, the second is, but nobody hears of it.
          if (appends === 1) throw new UnavailableError('journal.append', { cause: 'no connection' });
          const sequence = await journal.append(taskId, expected, commit);
          if (appends === 2) throw new UnavailableError('journal.append', { cause: 'the answer was lost' });
          return sequence;
        },
      },
    }));
    const door = await stand.serve([echoTask]);
    await stand.drain(door);
    const request = { id: 'a', name: 'echo', context: { well: 1 } };
    await expect(door.submit(request)).rejects.toThrow(UnavailableError);
    await expect(door.submit(request)).rejects.toThrow(UnavailableError);
    const task = await door.submit(request);
    await stand.serve([echoTask]);
    await stand.pass(5_000);
    await expect(task.result()).resolves.toMatchObject({ output: { well: 1 } });
  });

  test('because it is closed loses nothing to silence: it is reported, and nothing is acknowledged', async () => {
    let acknowledged = 0;
    let isClosed = false;
    await using stand = openStand(({ journal, inbox }) => ({
      journal: {
        append: async (taskId, expected, commit) => {
          if (isClosed) throw new BackendClosedError('memory', 'journal.append');
          return journal.append(taskId, expected, commit);
        },
      },
      inbox: {
        take: (options, onDelivery) =>
          inbox.take(options, (delivery) => {
            const acknowledge = async () => {
              acknowledged += 1;
            };
            onDelivery(Object.assign(delivery, { acknowledge }));
          }),
      },
    }));
    const { task, finish } = work();
    const service = await stand.serve([task]);
    await service.submit({ id: 'a', name: 'work' });
    await stand.pass();
    isClosed = true;
    finish('a');
    await stand.pass();
    expect(stand.reports).toMatchObject([
      { type: 'task.crashed', id: 'a', error: { cause: expect.any(BackendClosedError) } },
    ]);
    expect(acknowledged).toBe(0);
  });
});

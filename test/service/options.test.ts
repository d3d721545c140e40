import { describe, expect, test, vi } from 'vitest';
import { memoryBackend } from '../../src/backends/memory/index.ts';
import { InvalidOptionsError, type ServiceOptions, startService } from '../../src/service/index.ts';
import { refuseStrayErrors } from '../machines/supervisor/stray-errors.ts';
import { changesOf, echoTask, openStand, work } from './stand.ts';

refuseStrayErrors();

const backend = memoryBackend();
const tasks = [echoTask];
const refusal = async (options: unknown) => {
  const error: unknown = await startService(options as ServiceOptions).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(InvalidOptionsError);
  return (error as Error).message;
};

describe('an option that is not as expected', () => {
  test.each<[string, object, string]>([
    ['limit', { limit: 0 }, 'startService: limit is 0; expected a whole number of tasks, 1 to 100000'],
    [
      'limit',
      { limit: 100_001 },
      'startService: limit is 100001; expected a whole number of tasks, 1 to 100000',
    ],
    ['limit', { limit: 1.5 }, 'startService: limit is 1.5; expected a whole number of tasks, 1 to 100000'],
    ['limit', { limit: '8' }, 'startService: limit is "8"; expected a whole number of tasks, 1 to 100000'],
    [
      'limit',
      { limit: Number.NaN },
      'startService: limit is NaN; expected a whole number of tasks, 1 to 100000',
    ],
    [
      'drainWithin',
      { drainWithin: -1 },
      'startService: drainWithin is -1; expected a whole number of milliseconds, 0 to 2147483647',
    ],
    [
      'drainWithin',
      { drainWithin: Number.POSITIVE_INFINITY },
      'startService: drainWithin is Infinity; expected a whole number of milliseconds, 0 to 2147483647',
    ],
    [
      'largeValueBytes',
      { largeValueBytes: 100 },
      'startService: largeValueBytes is 100; expected a whole number of bytes, 256 to 536870912',
    ],
    [
      'backend',
      { backend: undefined },
      'startService: backend is undefined; expected a backend, such as memoryBackend()',
    ],
    [
      'backend',
      { backend: {} },
      'startService: backend is "[object Object]"; expected a backend, such as memoryBackend()',
    ],
    [
      'tasks',
      { tasks: echoTask },
      'startService: tasks is "[object Object]"; expected an array of tasks, or a function that makes one',
    ],
    ['tasks', { tasks: [] }, 'startService: tasks is []; expected one task at least'],
    ['tasks', { tasks: () => [] }, 'startService: tasks is []; expected one task at least'],
    ['tasks', { tasks: () => echoTask }, 'startService: tasks is'],
    [
      'tasks',
      { tasks: [{ name: 'a' }] },
      'startService: tasks.0 is "[object Object]"; expected a task, as defineTask(…).build() gives it',
    ],
    [
      'tasks',
      { tasks: [null] },
      'startService: tasks.0 is null; expected a task, as defineTask(…).build() gives it',
    ],
    [
      'tasks',
      { tasks: [echoTask, work().task, echoTask] },
      'expected each version of a task once; tasks[0] is "echo" in version "1" already',
    ],
    [
      'clock',
      { clock: {} },
      'startService: clock is "[object Object]"; expected a clock: { setTimeout, clearTimeout, now? }',
    ],
    ['inspect', { inspect: true }, 'startService: inspect is true; expected a function'],
    ['onReport', { onReport: 'console' }, 'startService: onReport is "console"; expected a function'],
    ['onChange', { onChange: 'log' }, 'startService: onChange is "log"; expected a function'],
    ['an unknown one', { limits: 5 }, 'startService: there is no option limits'],
  ])('%s is named with its value and what was expected', async (_, option, message) => {
    expect(await refusal({ backend, tasks, ...option })).toContain(message);
  });

  test('is told with all others', async () => {
    const message = await refusal({ backend, tasks, limit: 0, drainWithin: 'long' });
    expect(message.split('\n')).toHaveLength(2);
  });

  test('may be no options at all', async () => {
    expect(await refusal(undefined)).toContain('expected an object of options');
  });

  test('that is left undefined is the default', async () => {
    await using service = await startService({
      backend,
      tasks,
      limit: undefined,
      inspect: undefined,
    } as unknown as ServiceOptions);
    const task = await service.submit({ name: 'echo', context: { a: 1 } });
    await expect(task.result()).resolves.toMatchObject({ output: { a: 1 } });
  });
});

test('what the function that makes the tasks throws is what starting throws', async () => {
  const broken = new Error('no shop');
  const started = startService({
    backend,
    tasks: () => {
      throw broken;
    },
  });
  await expect(started).rejects.toBe(broken);
});

test('a backend that is closed is told of at the start', async () => {
  const closed = memoryBackend();
  await closed.close();
  await expect(startService({ backend: closed, tasks })).rejects.toMatchObject({
    name: 'BackendClosedError',
  });
});

describe('who is told', () => {
  test('of reports and throws, or rejects, harms nobody: it becomes a warning of the process', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    let calls = 0;
    await using stand = openStand();
    const { task, begun } = work();
    await stand.serve([task], {
      onReport: () => {
        calls += 1;
        if (calls === 1) throw new Error('a bad logger');
        return Promise.reject(new Error('a bad logger')) as never;
      },
    });
    await stand.backend.inbox.submit({ taskId: 'a', name: 'work', body: 'rubbish' });
    await stand.backend.inbox.submit({ taskId: 'b', name: 'work', body: 'rubbish' });
    await stand.backend.inbox.submit({ taskId: 'c', name: 'work', body: {} });
    await stand.pass();
    expect(calls).toBe(2);
    expect(begun).toEqual(['c']);
    expect(warned).toHaveBeenCalledTimes(2);
    expect(warned).toHaveBeenCalledWith('The option onReport threw: Error: a bad logger', 'TaskchartWarning');
  });

  test('by default is the standard error', async () => {
    const written = vi.spyOn(console, 'error').mockImplementation(() => {});
    await using service = await startService({ backend, tasks });
    await backend.inbox.submit({ taskId: 'rubbish', name: 'echo', body: { prio: 1 } });
    const task = await service.submit({ name: 'echo' });
    await task.result();
    expect(written).toHaveBeenCalledExactlyOnceWith(
      'taskchart:',
      expect.objectContaining({ type: 'task.refused', id: 'rubbish' }),
    );
  });

  test('of changes is told of each once, in order, also when its task is taken up again', async () => {
    await using stand = openStand();
    const { task, finish } = work();
    const seen: string[] = [];
    const onChange: ServiceOptions['onChange'] = ({ id, data }) => seen.push(`${id} ${data.status}`);
    const first = await stand.serve([task], { onChange, drainWithin: 0 });
    await first.submit({ id: 'a', name: 'work' });
    await stand.pass();
    await stand.drain(first);
    const second = await stand.serve([task], { onChange });
    finish('a');
    await (await second.task('a')).result();
    await stand.pass();
    const told = await changesOf(await second.task('a'));
    expect(seen).toEqual(told.map(({ id, data }) => `${id} ${data.status}`));
    expect(seen.at(-1)).toMatch(/complete$/);
  });

  test('of changes and throws harms nobody: it becomes a warning of the process', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    await using stand = openStand();
    const service = await stand.serve([echoTask], {
      onChange: () => {
        throw new Error('a bad logger');
      },
    });
    await expect((await service.submit({ name: 'echo' })).result()).resolves.toMatchObject({
      status: 'complete',
    });
    await stand.pass();
    expect(warned).toHaveBeenCalledWith('The option onChange threw: Error: a bad logger', 'TaskchartWarning');
  });

  test('of every actor by inspect: supervisor, pool, tasks and their effects', async () => {
    const seen = new Set<string>();
    await using stand = openStand();
    const service = await stand.serve([echoTask], {
      inspect: (event) => {
        if (event.type === '@xstate.actor' && 'id' in event.actorRef) seen.add(String(event.actorRef.id));
      },
    });
    await (await service.submit({ name: 'echo' })).result();
    expect([...seen]).toEqual(expect.arrayContaining(['pool', 'publisher', 'intake', 'echo']));
  });

  test('by inspect and throws harms nobody, and is reported', async () => {
    await using stand = openStand();
    const service = await stand.serve([echoTask], {
      inspect: () => {
        throw new Error('a bad inspector');
      },
    });
    await expect((await service.submit({ name: 'echo' })).result()).resolves.toMatchObject({
      status: 'complete',
    });
    expect(stand.reports[0]).toMatchObject({
      type: 'inspector.threw',
      error: { message: 'a bad inspector' },
    });
  });
});

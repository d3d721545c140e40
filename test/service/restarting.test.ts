import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineTask } from '../../machines/task/index.ts';
import { collect } from '../conformance/stand.ts';
import { refuseStrayErrors } from '../machines/supervisor/stray-errors.ts';
import { openStand, soFar } from './stand.ts';

refuseStrayErrors();

/** Three steps, of which the test says what they do; `calls` are the keys of their effects. */
function chain({ version = '1', extra = false }: { version?: string; extra?: boolean } = {}) {
  const calls: string[] = [];
  const does: Record<string, () => unknown> = {};
  const run =
    (step: string) =>
    ({ key, results }: { key: string; results: Record<string, unknown> }) => {
      calls.push(key);
      return (does[step]?.() ?? `${step} of ${Object.values(results).join()}`) as string;
    };
  const output = z.string();
  const retry = { attempts: 1 };
  const task = defineTask({ name: 'chain', version, context: z.object({}), retry })
    .step('one', { output, run: run('one') })
    .step('two', { after: ['one'], output, run: run('two') })
    .step('three', { after: extra ? ['two'] : ['two'], output, run: run('three') })
    .build({ output: (results) => results });
  return { task, calls, does };
}

/** The same steps, of which the second waits a minute before its next attempt. */
function patient(does: Record<string, () => unknown>) {
  const output = z.string();
  return defineTask({ name: 'chain', version: '1', context: z.object({}) })
    .step('one', { output, run: () => 'one' })
    .step('two', {
      after: ['one'],
      output,
      retry: { attempts: 5, baseDelay: 60_000, maxDelay: 60_000, jitter: 'none' },
      run: () => does.two?.() as string,
    })
    .step('three', { after: ['two'], output, run: () => 'three' })
    .build({ output: (results) => results });
}

const failing = () => {
  throw new Error('no');
};

describe('a task that is begun anew', () => {
  test('after it failed goes on with what succeeded, under the same keys', async () => {
    await using stand = openStand();
    const { task, calls, does } = chain();
    does.two = failing;
    const service = await stand.serve([task]);
    const handle = await service.submit({ id: 'a', name: 'chain' });
    await stand.pass();
    await expect(handle.result()).resolves.toMatchObject({ status: 'error', error: { step: 'two' } });
    delete does.two;
    await handle.restart({ reason: 'mended' });
    await stand.pass();
    await expect(handle.result()).resolves.toMatchObject({
      status: 'complete',
      output: { one: 'one of ', two: 'two of one of ', three: 'three of two of one of ' },
    });
    expect(calls).toEqual(['a/one', 'a/two', 'a/two', 'a/three']);
    const changes = await collect(handle.changes());
    expect(changes.map(({ data }) => data.status)).toContain('error');
    expect(changes.at(-1)?.data.status).toBe('complete');
    expect(new Set(changes.map(({ id }) => id)).size).toBe(changes.length);
    expect(stand.reports).toEqual([]);
  });

  test('runs anew the steps whose outputs are not kept', async () => {
    await using stand = openStand();
    const { task, calls } = chain();
    const service = await stand.serve([task]);
    const handle = await service.submit({ id: 'a', name: 'chain' });
    await handle.result();
    await handle.restart({ keep: ['one'] });
    await stand.pass();
    await expect(handle.result()).resolves.toMatchObject({ status: 'complete' });
    expect(calls).toEqual(['a/one', 'a/two', 'a/three', 'a/two', 'a/three']);
  });

  test('with an output by hand passes that step over', async () => {
    await using stand = openStand();
    const { task, calls, does } = chain();
    does.two = failing;
    const service = await stand.serve([task]);
    const handle = await service.submit({ id: 'a', name: 'chain' });
    await handle.result();
    await handle.restart({ results: { two: 'by hand' } });
    await stand.pass();
    await expect(handle.result()).resolves.toMatchObject({
      status: 'complete',
      output: { two: 'by hand', three: 'three of by hand' },
    });
    expect(calls).toEqual(['a/one', 'a/two', 'a/three']);
  });

  test('while it runs stops what ran, and moves to another version', async () => {
    await using stand = openStand();
    const old = chain();
    const fresh = chain({ version: '2' });
    const stuck = Promise.withResolvers<string>();
    old.does.two = () => stuck.promise;
    const service = await stand.serve([old.task, fresh.task]);
    // Asked for with the version that was the newest then.
    await stand.backend.journal.append('a', 0, {
      id: 'c',
      writer: 'w',
      entries: [
        {
          type: 'task.requested',
          request: {
            name: 'chain',
            id: 'a',
            context: {},
            initiator: 'x',
            reason: 'x',
            source_system: 'x',
            tags: [],
          },
          version: '1',
        },
      ],
    });
    await stand.backend.inbox.submit({ taskId: 'a', name: 'chain', body: {} });
    await stand.pass();
    const handle = await service.task('a');
    expect(old.calls).toEqual(['a/one', 'a/two']);
    await handle.restart({ version: '2' });
    await stand.pass();
    stuck.resolve('too late');
    await expect(handle.result()).resolves.toMatchObject({ version: '2', output: { two: 'two of one of ' } });
    expect(fresh.calls).toEqual(['a/two', 'a/three']);
    expect(stand.reports).toEqual([]);
  });

  test.each([
    [{ version: '9' }, /version.*no version of "chain" is "9"; there is "1"/s],
    [{ keep: ['two'] }, /keep.*"two" has no output.*those of "one" are/s],
    [{ results: { four: 1 } }, /results\.four.*no step is named "four"; there is "one", "two", "three"/s],
    [{ results: { two: 5 } }, /results\.two.*expected string/s],
    [{ keep: 'two' }, /event\.keep.*expected array/s],
    [{ hurry: true }, /hurry/],
  ])('%j is refused, and the task stays as it is', async (options, message) => {
    await using stand = openStand();
    const { task, does } = chain();
    does.two = failing;
    const service = await stand.serve([task]);
    const handle = await service.submit({ id: 'a', name: 'chain' });
    await handle.result();
    await expect(handle.restart(options as never)).rejects.toThrow(message);
    await stand.pass();
    await expect(handle.result()).resolves.toMatchObject({ status: 'error' });
  });

  test('by an event that cannot be taken is reported, and stays as it is', async () => {
    await using stand = openStand();
    const { task } = chain();
    const service = await stand.serve([task]);
    const handle = await service.submit({ id: 'a', name: 'chain' });
    await handle.result();
    const body = { type: 'task.restart', version: '9' };
    await stand.backend.inbox.deliver({ taskId: 'a', name: 'chain', eventId: 'e', body });
    await stand.pass();
    expect(stand.reports).toMatchObject([{ type: 'event.refused', id: 'a' }]);
    await expect(handle.result()).resolves.toMatchObject({ status: 'complete' });
  });

  test('twice by one event is begun anew once, also when its process dies in between', async () => {
    await using stand = openStand();
    const { task, calls, does } = chain();
    const service = await stand.serve([task]);
    const handle = await service.submit({ id: 'a', name: 'chain' });
    await handle.result();
    const stuck = Promise.withResolvers<string>();
    does.three = () => stuck.promise;
    await handle.restart({ keep: ['one', 'two'] });
    await stand.pass();
    await stand.kill(service);
    delete does.three;
    await stand.serve([task]);
    await stand.pass();
    await expect(handle.result()).resolves.toMatchObject({ status: 'complete' });
    expect(calls).toEqual(['a/one', 'a/two', 'a/three', 'a/three', 'a/three']);
    const commits = await collect(stand.backend.journal.read('a'));
    const types = commits.flatMap(({ entries }) => entries.map((entry) => (entry as { type: string }).type));
    expect(types.filter((type) => type === 'task.restarted')).toHaveLength(1);
  });

  test('its older entries stay readable', async () => {
    await using stand = openStand();
    const { task } = chain();
    const service = await stand.serve([task]);
    const handle = await service.submit({ id: 'a', name: 'chain' });
    await handle.result();
    const before = await collect(stand.backend.journal.read('a'));
    await handle.restart();
    await stand.pass();
    await handle.result();
    const after = await collect(stand.backend.journal.read('a'));
    expect(after.slice(0, before.length)).toEqual(before);
  });

  test('is not touched by events that came to it before', async () => {
    await using stand = openStand();
    const { task, does } = chain();
    const stuck = Promise.withResolvers<string>();
    does.two = () => stuck.promise;
    const first = await stand.serve([task]);
    const handle = await first.submit({ id: 'a', name: 'chain' });
    await stand.pass();
    // Its acknowledgement is never heard of: it comes again.
    const cancel = { taskId: 'a', name: 'chain', eventId: 'cancel-1', body: { type: 'task.cancel' } };
    await stand.backend.inbox.deliver(cancel);
    await stand.pass();
    await expect(handle.result()).resolves.toMatchObject({ status: 'cancelled' });
    delete does.two;
    const again = Promise.withResolvers<string>();
    does.three = () => again.promise;
    await handle.restart();
    await stand.pass();
    first.supervisor.system.get('pool').send({
      type: 'task.send',
      id: 'a',
      event: cancel.body,
      eventId: cancel.eventId,
      reply: () => {},
    });
    await stand.pass();
    again.resolve('done');
    await expect(handle.result()).resolves.toMatchObject({ status: 'complete' });
  });

  test.each(['runs', 'is parked', 'waits for its time'])(
    'in vain while it %s goes on, and takes up no place for it',
    async (how) => {
      await using stand = openStand();
      const { task, calls, does } = chain();
      let stuck = Promise.withResolvers<string>();
      does.two = () => stuck.promise;
      if (how === 'is parked') does.two = failing;
      const retried = how === 'is parked' ? patient(does) : task;
      const service = await stand.serve([retried], { limit: 2 });
      const run_at = new Date(stand.clock.now() + 3_600_000).toISOString();
      const request = { id: 'a', name: 'chain', ...(how === 'waits for its time' && { run_at }) };
      const handle = await service.submit(request);
      await stand.pass();
      const before = await handle.view();
      stuck = Promise.withResolvers();
      const body = { type: 'task.restart', version: '9' };
      await stand.backend.inbox.deliver({ taskId: 'a', name: 'chain', eventId: 'e', body });
      await stand.pass();
      expect(stand.reports).toMatchObject([{ type: 'event.refused', id: 'a' }]);
      await expect(handle.view()).resolves.toMatchObject({ status: before.status });
      does.two = () => 'mended';
      if (how === 'runs') stuck.resolve('mended');
      await stand.pass(7_200_000);
      await expect(soFar(handle.result())).resolves.toMatchObject({ status: 'complete' });
      expect(calls.filter((key) => key === 'a/one').length).toBeLessThanOrEqual(1);
      const next = await service.submit({ id: 'next', name: 'chain' });
      await stand.pass();
      await expect(soFar(next.result())).resolves.toMatchObject({ status: 'complete' });
      expect(stand.reports).toHaveLength(1);
    },
  );

  test('is stopped though it takes up the last place', async () => {
    await using stand = openStand();
    const { task, calls, does } = chain();
    does.two = () => new Promise(() => {});
    const service = await stand.serve([task], { limit: 1 });
    const handle = await service.submit({ id: 'a', name: 'chain' });
    await stand.pass();
    const restarted = handle.restart({ results: { two: 'by hand' } });
    await stand.pass();
    expect(await soFar(restarted)).toBeUndefined();
    await expect(soFar(handle.result())).resolves.toMatchObject({ output: { two: 'by hand' } });
    expect(calls).toEqual(['a/one', 'a/two', 'a/three']);
  });

  test('which another process runs is stopped there, and takes up no place there', async () => {
    await using stand = openStand();
    const one = chain();
    const other = chain();
    one.does.two = () => new Promise(() => {});
    const first = await stand.serve([one.task], { limit: 1 });
    const handle = await first.submit({ id: 'a', name: 'chain' });
    await stand.pass();
    const second = await stand.serve([other.task], { limit: 1 });
    await handle.restart();
    await stand.pass();
    await expect(soFar(handle.result())).resolves.toMatchObject({ status: 'complete' });
    expect(other.calls).toEqual(['a/two', 'a/three']);
    expect(stand.reports).toEqual([]);
    await stand.drain(second);
    const next = await first.submit({ id: 'next', name: 'chain' });
    await stand.pass();
    expect(one.calls.at(-1)).toBe('next/two');
    void next;
    await expect(stand.drain(first)).resolves.toEqual({ handedBack: 1 });
  });

  test('by two at once: who comes second and is refused by then is told', async () => {
    await using stand = openStand();
    const { task } = chain();
    const service = await stand.serve([task]);
    const handle = await service.submit({ id: 'a', name: 'chain' });
    await handle.result();
    const all = ['one', 'two', 'three'];
    const restarts = [[], all].map((keep) => handle.restart({ keep }).then(() => 'done', String));
    await stand.pass();
    expect(await Promise.all(restarts.map(soFar))).toEqual([
      'done',
      expect.stringMatching(/"one" has no output|"two" has no output|"three" has no output/),
    ]);
    await stand.pass(60_000);
    await expect(soFar(handle.result())).resolves.toMatchObject({ status: 'complete' });
  });
});

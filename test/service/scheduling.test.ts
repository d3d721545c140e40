import { describe, expect, test } from 'vitest';
import { refuseStrayErrors } from '../machines/supervisor/stray-errors.ts';
import { openStand, START, work } from './stand.ts';

refuseStrayErrors();

const DAY = 24 * 60 * 60 * 1_000;
const at = (ms: number) => new Date(START + ms).toISOString();

describe('a request with run_at', () => {
  test.each([1_000, DAY, 24.8 * DAY + 60_000, 400 * DAY])(
    'in %i ms is not begun before then, and is then',
    async (wait) => {
      await using stand = openStand();
      const { task, begun, finish } = work();
      const service = await stand.serve([task]);
      const handle = await service.submit({ id: 'a', name: 'work', run_at: at(wait) });
      await stand.pass(wait - 1);
      expect(begun).toEqual([]);
      await expect(handle.view()).resolves.toMatchObject({ status: 'parked' });
      await stand.pass(1);
      expect(begun).toEqual(['a']);
      finish('a');
      await expect(handle.result()).resolves.toMatchObject({ status: 'complete' });
      expect(stand.reports).toEqual([]);
    },
  );

  test.each(['2020-01-01T00:00:00Z', '2026-01-01T00:00:00Z', '2026-01-01T02:00:00+02:00'])(
    '%s is begun at once',
    async (run_at) => {
      await using stand = openStand();
      const { task, begun } = work();
      const service = await stand.serve([task]);
      await service.submit({ id: 'a', name: 'work', run_at });
      await stand.pass();
      expect(begun).toEqual(['a']);
    },
  );

  test('takes up no place while it waits', async () => {
    await using stand = openStand();
    const { task, begun } = work();
    const service = await stand.serve([task], { limit: 1 });
    for (const id of ['a', 'b', 'c']) await service.submit({ id, name: 'work', run_at: at(DAY) });
    await service.submit({ id: 'now', name: 'work' });
    await stand.pass();
    expect(begun).toEqual(['now']);
  });

  test('outlives the service that took it', async () => {
    await using stand = openStand();
    const first = work();
    const service = await stand.serve([first.task]);
    await service.submit({ id: 'a', name: 'work', run_at: at(DAY) });
    await stand.pass();
    await expect(stand.drain(service)).resolves.toEqual({ handedBack: 0 });
    const second = work();
    await stand.serve([second.task]);
    await stand.pass(DAY);
    expect([first.begun, second.begun]).toEqual([[], ['a']]);
  });

  test('is begun when the clock jumps beyond it, once', async () => {
    await using stand = openStand();
    const { task, begun } = work();
    const service = await stand.serve([task]);
    await service.submit({ id: 'a', name: 'work', run_at: at(DAY) });
    await stand.pass();
    stand.clock.set(START + 3 * DAY);
    await stand.pass(60_000);
    expect(begun).toEqual(['a']);
  });
});

describe('versions of a task', () => {
  test('new requests go to the last that is given; a task goes on with the one it was asked for with', async () => {
    await using stand = openStand();
    const one = work({ version: '1' });
    const two = work({ version: '2' });
    const before = await stand.serve([one.task], { drainWithin: 0 });
    const old = await before.submit({ id: 'old', name: 'work' });
    await stand.pass();
    await stand.drain(before);

    const old1 = work({ version: '1' });
    const service = await stand.serve([old1.task, two.task]);
    const young = await service.submit({ id: 'young', name: 'work' });
    await stand.pass();
    expect([old1.begun, two.begun]).toEqual([['old'], ['young']]);
    expect([old.version, young.version]).toEqual(['1', '2']);
    old1.finish('old');
    two.finish('young');
    await expect(old.result()).resolves.toMatchObject({ version: '1', status: 'complete' });
    await expect(young.result()).resolves.toMatchObject({ version: '2', status: 'complete' });
    await expect(service.task('old')).resolves.toMatchObject({ version: '1' });
  });

  test('one that is not here any more is stood in for by the newest', async () => {
    await using stand = openStand();
    const before = await stand.serve([work({ version: '1' }).task], { drainWithin: 0 });
    const task = await before.submit({ id: 'a', name: 'work' });
    await stand.pass();
    await stand.drain(before);
    const two = work({ version: '2' });
    await stand.serve([two.task]);
    expect(two.begun).toEqual(['a']);
    two.finish('a');
    await expect(task.result()).resolves.toMatchObject({ version: '2', status: 'complete' });
  });
});

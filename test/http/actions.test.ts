import { describe, expect, test } from 'vitest';
import { ask, openStand, PROBLEM, post, type Stand } from './stand.ts';

async function submitted(stand: Stand): Promise<string> {
  await post(`${stand.url}/tasks`, { id: 'a', name: 'work' });
  const task = await stand.service.task('a');
  for await (const { data } of task.changes()) if (data.status === 'running') break;
  return `${stand.url}/tasks/a`;
}

const result = async (stand: Stand) => (await stand.service.task('a')).result();
const permanent = Object.assign(new Error('no such address'), { retryable: false });

describe('acting on a task', () => {
  test('pause, resume and cancel answer 202 with how it stands; the journal has who and why', async () => {
    await using stand = await openStand();
    const url = await submitted(stand);
    expect(await post(`${url}/pause`, { by: 'Ada', reason: 'lunch' })).toMatchObject({
      status: 202,
      body: { id: 'a', status: 'paused' },
    });
    expect(await post(`${url}/resume`, {})).toMatchObject({ status: 202, body: { status: 'running' } });
    expect(await post(`${url}/cancel`, { reason: 'enough' })).toMatchObject({ status: 202 });
    await expect(result(stand)).resolves.toMatchObject({ status: 'cancelled' });
    const { body } = await ask(`${url}/journal`);
    expect(body.entries[0]).toMatchObject({ number: 1, entry: { type: 'task.requested' } });
    const events = body.entries.flatMap(({ entry }: { entry: { event?: unknown } }) => entry.event ?? []);
    expect(events).toEqual([
      { type: 'task.pause', by: 'Ada', reason: 'lunch' },
      { type: 'task.resume' },
      { type: 'task.cancel', reason: 'enough' },
    ]);
  });

  test('needs no body', async () => {
    await using stand = await openStand();
    const url = await submitted(stand);
    expect(await ask(`${url}/cancel`, { method: 'POST' })).toMatchObject({ status: 202 });
    await expect(result(stand)).resolves.toMatchObject({ status: 'cancelled' });
  });

  test('retry and resolve bring a failed task on', async () => {
    await using stand = await openStand();
    const url = await submitted(stand);
    stand.work.fail('a', permanent);
    await expect(result(stand)).resolves.toMatchObject({ status: 'error' });
    expect(await post(`${url}/retry`, { by: 'Ada' })).toMatchObject({ status: 202 });
    const task = await stand.service.task('a');
    for await (const { data } of task.changes())
      if (data.status === 'running' && stand.work.begun.length === 2) break;
    stand.work.fail('a', permanent);
    await expect(result(stand)).resolves.toMatchObject({ status: 'error' });
    expect(await post(`${url}/resolve`, { step: 'work', output: 'by hand' })).toMatchObject({ status: 202 });
    await expect(result(stand)).resolves.toMatchObject({ status: 'complete', output: 'by hand' });
  });

  test('under an Idempotency-Key twice is taken once', async () => {
    await using stand = await openStand();
    const url = await submitted(stand);
    for (const _ of [1, 2]) {
      expect(await post(`${url}/pause`, {}, { 'idempotency-key': 'pause-1' })).toMatchObject({ status: 202 });
    }
  });

  test.each<[string, string, object | string, number, RegExp]>([
    ['what the chart does not take', 'events', { type: 'fly' }, 409, /now it takes .*task\.cancel/],
    ['resume of a task that is not paused', 'resume', {}, 409, /it is not paused: running/],
    ['retry of a task that runs', 'retry', {}, 409, /it is running, not failed/],
    ['an event without a type', 'events', {}, 400, /event\.type/],
    ['no body where one is needed', 'events', 'null', 400, /event/],
    ['a body that is no object', 'cancel', '[1]', 400, /expected an object/],
    ['a reason that is no text', 'cancel', { reason: 5 }, 400, /event\.reason/],
    ['a field that is none', 'pause', { until: 5 }, 400, /until/],
    ['resolve without a step', 'resolve', { output: 1 }, 400, /event\.step/],
  ])('%s is refused with the reason', async (_, action, body, status, detail) => {
    await using stand = await openStand();
    const url = await submitted(stand);
    const answer = await post(`${url}/${action}`, body);
    expect(answer).toMatchObject({ status, type: PROBLEM });
    expect(JSON.stringify(answer.body)).toMatch(detail);
    expect(stand.errors).toEqual([]);
  });

  test.each(['events', 'cancel', 'pause', 'resume', 'retry', 'resolve'])(
    '%s of no task is 404',
    async (action) => {
      await using stand = await openStand();
      const body = { type: 'x', step: 's', output: 1 };
      expect(await post(`${stand.url}/tasks/none/${action}`, body)).toMatchObject({
        status: 404,
        type: PROBLEM,
      });
    },
  );

  test('a journal of no task is 404, and a key that is none 400', async () => {
    await using stand = await openStand();
    expect(await ask(`${stand.url}/tasks/none/journal`)).toMatchObject({ status: 404 });
    const url = await submitted(stand);
    const key = { 'idempotency-key': 'x'.repeat(257) };
    expect(await post(`${url}/cancel`, {}, key)).toMatchObject({ status: 400 });
  });
});

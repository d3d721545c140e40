import { describe, expect, test } from 'vitest';
import { UnavailableError } from '../../src/backends/index.ts';
import { startHttpDoor } from '../../src/http/index.ts';
import { ask, openStand, PROBLEM, post } from './stand.ts';

const away = () => Promise.reject(new UnavailableError('journal.last', { cause: new Error('no answer') }));

test('/health/live: the process answers', async () => {
  await using stand = await openStand();
  expect(await ask(`${stand.url}/health/live`)).toMatchObject({ status: 200, body: { status: 'live' } });
});

describe('/health/ready', () => {
  test('says that work may be sent', async () => {
    await using stand = await openStand();
    const { status, body } = await ask(`${stand.url}/health/ready`);
    expect({ status, body }).toEqual({
      status: 200,
      body: { status: 'ready', parts: { service: 'accepting', inbox: 'taking', backend: 'answering' } },
    });
  });

  test('H4: says that the service starts, and so does what asks for it', async () => {
    await using door = await startHttpDoor({ port: 0 }, { running: () => undefined, onError: () => {} });
    const ready = await ask(`${door.url}/health/ready`);
    expect(ready).toMatchObject({
      status: 503,
      type: PROBLEM,
      body: {
        type: 'urn:taskchart:problem:not_ready',
        detail: 'The service is starting.',
        parts: { service: 'starting' },
      },
    });
    expect(ready.headers.get('retry-after')).toBe('1');
    for (const answer of [
      await post(`${door.url}/tasks`, { name: 'work' }),
      await ask(`${door.url}/tasks/a`),
    ]) {
      expect(answer).toMatchObject({
        status: 503,
        type: PROBLEM,
        body: { detail: 'The service is starting.' },
      });
    }
  });

  test('H4: says that the service drains and has drained; tasks are answered all the same', async () => {
    await using stand = await openStand();
    await post(`${stand.url}/tasks`, { id: 'a', name: 'work' });
    while (stand.work.begun.length === 0) await new Promise(setImmediate);
    const drained = stand.service.drain();
    expect(await ask(`${stand.url}/health/ready`)).toMatchObject({
      status: 503,
      body: { parts: { service: expect.stringMatching(/draining|stopped/), backend: 'answering' } },
    });
    await drained;
    expect(await ask(`${stand.url}/health/ready`)).toMatchObject({
      status: 503,
      body: { detail: 'The service is stopped.' },
    });
    expect(await ask(`${stand.url}/tasks/a`)).toMatchObject({ status: 200 });
    // Kept, for whoever runs next.
    expect(await post(`${stand.url}/tasks`, { id: 'b', name: 'work' })).toMatchObject({ status: 202 });
  });

  test('says that the backend does not answer, in an error or at all', async () => {
    let last: () => Promise<never> = away;
    await using stand = await openStand({
      replace: ({ journal }) => {
        // The first is the service's own, when it starts.
        const answers = [journal.last.bind(journal)];
        return { journal: { last: (id) => (answers.pop() ?? last)(id) } };
      },
    });
    const notReady = { status: 503, body: { detail: 'The backend is not answering.' } };
    expect(await ask(`${stand.url}/health/ready`)).toMatchObject(notReady);
    last = () => new Promise(() => {});
    expect(await ask(`${stand.url}/health/ready`)).toMatchObject(notReady);
    expect(await ask(`${stand.url}/health/live`)).toMatchObject({ status: 200 });
  });

  test('says that the inbox cannot be taken from', async () => {
    await using stand = await openStand({ replace: () => ({ inbox: { take: away } }) });
    while (!stand.service.supervisor.getSnapshot().hasTag('waiting')) await new Promise(setImmediate);
    expect(await ask(`${stand.url}/health/ready`)).toMatchObject({
      status: 503,
      body: { detail: 'The inbox is not answering.', parts: { service: 'accepting', backend: 'answering' } },
    });
  });
});

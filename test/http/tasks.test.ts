import { describe, expect, test } from 'vitest';
import { UnavailableError } from '../../src/backends/index.ts';
import { ask, openStand, PROBLEM, post } from './stand.ts';

const request = { id: 'a', name: 'work', context: { cart_id: 1 }, initiator: 'me', tags: ['t'] };

describe('POST /tasks', () => {
  test('takes a new task: 202, and where it is', async () => {
    await using stand = await openStand();
    const { status, headers, body } = await post(`${stand.url}/tasks`, request);
    expect({ status, body }).toEqual({ status: 202, body: { id: 'a', status: 'pending', duplicate: false } });
    expect(headers.get('location')).toBe('/tasks/a');
  });

  test('makes an id where there is none, a new one each time', async () => {
    await using stand = await openStand();
    const one = await post(`${stand.url}/tasks`, { name: 'work' });
    const other = await post(`${stand.url}/tasks`, { name: 'work' });
    expect([one.status, other.status]).toEqual([202, 202]);
    expect(one.body.id).not.toBe(other.body.id);
    expect(one.headers.get('location')).toBe(`/tasks/${one.body.id}`);
  });

  test('the same again: 200, and how it stands', async () => {
    await using stand = await openStand();
    await post(`${stand.url}/tasks`, request);
    const task = await stand.service.task('a');
    while (stand.work.begun.length === 0) await new Promise(setImmediate);
    expect(await post(`${stand.url}/tasks`, request)).toMatchObject({
      status: 200,
      body: { id: 'a', status: 'running', duplicate: true },
    });
    stand.work.finish('a');
    await task.result();
    expect(await post(`${stand.url}/tasks`, request)).toMatchObject({
      status: 200,
      body: { status: 'complete', duplicate: true },
    });
    expect(stand.work.begun).toEqual(['a']);
  });

  test('twenty times at once is one new task', async () => {
    await using stand = await openStand();
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(`${stand.url}/tasks`, request)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([...Array(19).fill(200), 202]);
  });

  test('other content under the same id: 409', async () => {
    await using stand = await openStand();
    await post(`${stand.url}/tasks`, request);
    const { status, type, body } = await post(`${stand.url}/tasks`, { ...request, tags: [] });
    expect({ status, type, body }).toEqual({
      status: 409,
      type: PROBLEM,
      body: {
        type: 'urn:taskchart:problem:task_conflict',
        title: 'Another request stands under this id',
        status: 409,
        detail: 'Task "a" was asked for before with another request. Give this one an id of its own.',
      },
    });
  });

  test('what is wrong with it: 400, with every place', async () => {
    await using stand = await openStand();
    const wrong = { name: 'work', id: 'a b', context: { cart_id: 0 }, tags: [1], prio: 'high' };
    const { status, type, body } = await post(`${stand.url}/tasks`, wrong);
    expect({ status, type, kind: body.type }).toEqual({
      status: 400,
      type: PROBLEM,
      kind: 'urn:taskchart:problem:invalid_request',
    });
    expect(body.issues.map(({ path }: { path: string }) => path).toSorted()).toEqual([
      'context.cart_id',
      'id',
      'prio',
      'tags[0]',
    ]);
    expect(body.issues.find(({ path }: { path: string }) => path === 'prio').message).toContain('"high"');
  });

  test.each([
    ['a list', []],
    ['null', 'null'],
    ['a number', '1'],
    ['nested without end', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    [
      'a context nested without end',
      `{"name":"work","context":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_001)}`,
    ],
  ])('a body that is %s: 400, with issues', async (_, body) => {
    await using stand = await openStand();
    const answer = await post(`${stand.url}/tasks`, body);
    expect(answer).toMatchObject({ status: 400, type: PROBLEM });
    expect(answer.body.issues).not.toEqual([]);
    expect(stand.errors).toEqual([]);
  });

  test('a backend that is away: 503 and when to try again; its own words are kept from the caller', async () => {
    await using stand = await openStand({
      replace: () => ({
        inbox: {
          submit: () => {
            throw new UnavailableError('inbox.submit', {
              cause: new Error('connect ECONNREFUSED 10.1.2.3:4222'),
            });
          },
        },
      }),
    });
    const { status, type, headers, body } = await post(`${stand.url}/tasks`, request);
    expect({ status, type }).toEqual({ status: 503, type: PROBLEM });
    expect(headers.get('retry-after')).toBe('1');
    expect(body.type).toBe('urn:taskchart:problem:unavailable');
    expect(JSON.stringify(body)).not.toContain('10.1.2.3');
  });

  test('what the backend cannot store in one piece: 413', async () => {
    await using stand = await openStand({ maxBody: 4_000_000 });
    const large = { ...request, reason: 'x'.repeat(2_000_000) };
    expect(await post(`${stand.url}/tasks`, large)).toMatchObject({
      status: 413,
      type: PROBLEM,
      body: { type: 'urn:taskchart:problem:too_large' },
    });
  });
});

describe('GET /tasks/:id', () => {
  test('shows how it stands, and what it was asked for with', async () => {
    await using stand = await openStand();
    await post(`${stand.url}/tasks`, request);
    while (stand.work.begun.length === 0) await new Promise(setImmediate);
    expect(await ask(`${stand.url}/tasks/a`)).toMatchObject({
      status: 200,
      type: 'application/json; charset=utf-8',
      body: {
        id: 'a',
        name: 'work',
        version: '1',
        status: 'running',
        steps: { work: { status: 'running', attempts: 1, started_at: expect.any(String) } },
        context: { cart_id: 1 },
        initiator: 'me',
        reason: 'unknown',
        source_system: 'unknown',
        tags: ['t'],
      },
    });
    stand.work.finish('a', { total: 7 });
    await (await stand.service.task('a')).result();
    const { body } = await ask(`${stand.url}/tasks/a`);
    expect(body).toMatchObject({ status: 'complete', output: { total: 7 }, context: { cart_id: 1 } });
    expect(body).not.toHaveProperty('error');
  });

  test('shows why it failed', async () => {
    await using stand = await openStand();
    await post(`${stand.url}/tasks`, request);
    const task = await stand.service.task('a');
    while (stand.work.begun.length === 0) await new Promise(setImmediate);
    stand.work.fail('a', Object.assign(new Error('the shop is gone'), { retryable: false, code: 'gone' }));
    await task.result();
    expect((await ask(`${stand.url}/tasks/a`)).body).toMatchObject({
      status: 'error',
      error: { step: 'work', code: 'gone', message: 'the shop is gone' },
    });
  });

  test.each(['nobody', 'a%2Fb', 'a b', '..%2f..%2fetc', 'x'.repeat(129), '%F0%9F%8D%95'])(
    'no such task, %s: 404',
    async (id) => {
      await using stand = await openStand();
      const { status, type, body } = await ask(`${stand.url}/tasks/${id}`);
      expect({ status, type, kind: body.type }).toEqual({
        status: 404,
        type: PROBLEM,
        kind: 'urn:taskchart:problem:task_not_found',
      });
    },
  );
});

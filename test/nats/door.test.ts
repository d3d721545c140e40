import fc from 'fast-check';
import { headers, RequestStrategy } from 'nats';
import { describe, expect, test } from 'vitest';
import { collect } from '../conformance/stand.ts';
import { answered, isProblem, openStand } from './stand.ts';

const request = { id: 'a', name: 'work', context: { cart_id: 1 }, initiator: 'me' };
const begun = async ({ work }: Awaited<ReturnType<typeof openStand>>, count: number) => {
  while (work.begun.length < count) await new Promise(setImmediate);
};

describe('submit', () => {
  test('takes a task, and says of the same again that it is a duplicate, and how it stands', async () => {
    await using stand = await openStand();
    expect(await stand.ask('submit', request)).toEqual({
      body: { id: 'a', status: 'pending', duplicate: false },
    });
    await begun(stand, 1);
    expect(await stand.ask('submit', request)).toEqual({
      body: { id: 'a', status: 'running', duplicate: true },
    });
  });

  test('makes an id where there is none', async () => {
    await using stand = await openStand();
    const { body } = await stand.ask('submit', { name: 'work' });
    expect(body).toEqual({ id: expect.stringMatching(/^[\w-]{36}$/), status: 'pending', duplicate: false });
    await expect(stand.service.task(body.id)).resolves.toMatchObject({ name: 'work' });
  });

  test('answers other content under the same id, and what is wrong in every place, with problems', async () => {
    await using stand = await openStand();
    await stand.ask('submit', request);
    expect(await stand.ask('submit', { ...request, initiator: 'you' })).toMatchObject({
      code: '409',
      body: { type: 'urn:taskchart:problem:task_conflict', status: 409 },
    });
    const wrong = await stand.ask('submit', { name: 'work', id: 'a b', context: { cart_id: 0 }, prio: 1 });
    expect(wrong).toMatchObject({ code: '400', body: { type: 'urn:taskchart:problem:invalid_request' } });
    expect(wrong.body.issues.map(({ path }: { path: string }) => path).toSorted()).toEqual([
      'context.cart_id',
      'id',
      'prio',
    ]);
  });
});

test('status shows a task as HTTP does, and knows none that is not there', async () => {
  await using stand = await openStand();
  await stand.ask('submit', request);
  await begun(stand, 1);
  stand.work.finish('a', { total: 7 });
  await (await stand.service.task('a')).result();
  expect((await stand.ask('status.a')).body).toMatchObject({
    id: 'a',
    name: 'work',
    status: 'complete',
    steps: { work: { status: 'complete', attempts: 1 } },
    context: { cart_id: 1 },
    output: { total: 7 },
    initiator: 'me',
  });
  for (const id of ['nobody', '%', 'x'.repeat(129)]) {
    expect(await stand.ask(`status.${id}`)).toMatchObject({
      code: '404',
      body: { type: 'urn:taskchart:problem:task_not_found' },
    });
  }
});

describe('send', () => {
  test('cancels a task; one that has ended refuses it, with the reason', async () => {
    await using stand = await openStand();
    await stand.ask('submit', request);
    await begun(stand, 1);
    await stand.ask('send.a', { type: 'task.cancel', reason: 'no more' });
    await expect((await stand.service.task('a')).result()).resolves.toMatchObject({
      status: 'cancelled',
      error: { message: 'Cancelled: no more' },
    });
    expect(await stand.ask('send.a', { type: 'task.cancel' })).toMatchObject({
      code: '409',
      body: {
        type: 'urn:taskchart:problem:action_refused',
        detail: 'Task "a" does not take "task.cancel": it has ended: cancelled.',
      },
    });
  });

  test('pauses and resumes a task, and tries it again', async () => {
    await using stand = await openStand();
    await stand.ask('submit', request);
    await begun(stand, 1);
    expect(await stand.ask('send.a', { type: 'task.pause', by: 'me' })).toMatchObject({
      body: { status: 'paused' },
    });
    expect(await stand.ask('send.a', { type: 'task.pause' })).toMatchObject({ code: '409' });
    await stand.ask('send.a', { type: 'task.resume' });
    stand.work.fail('a', Object.assign(new Error('no'), { retryable: false }));
    await expect((await stand.service.task('a')).result()).resolves.toMatchObject({ status: 'error' });
    await stand.ask('send.a', { type: 'task.retry', by: 'me' });
    await begun(stand, 2);
    stand.work.finish('a');
    await expect((await stand.service.task('a')).result()).resolves.toMatchObject({ status: 'complete' });
  });

  test('begins a task anew', async () => {
    await using stand = await openStand();
    await stand.ask('submit', request);
    await begun(stand, 1);
    stand.work.finish('a');
    await (await stand.service.task('a')).result();
    const { code, body } = await stand.ask('send.a', { type: 'task.restart', keep: [], reason: 'again' });
    expect({ code, id: body.id }).toEqual({ id: 'a' });
    await begun(stand, 2);
    expect(stand.work.begun).toEqual(['a', 'a']);
  });

  test('under the sender’s own id twice is one event', async () => {
    await using stand = await openStand();
    await stand.ask('submit', request);
    await begun(stand, 1);
    stand.work.finish('a');
    await (await stand.service.task('a')).result();
    const restart = JSON.stringify({ type: 'task.restart', keep: [] });
    const named = headers();
    named.set('Nats-Msg-Id', 'restart-1');
    for (const _ of [1, 2])
      await stand.client.request('taskchart.send.a', restart, { headers: named, timeout: 5_000 });
    await begun(stand, 2);
    stand.work.finish('a');
    await (await stand.service.task('a')).result();
    expect(stand.work.begun).toEqual(['a', 'a']);
  });

  test.each<[string, unknown, string[]]>([
    ['no event', 1, ['event']],
    ['an event without a type', {}, ['event.type']],
    ['an event of XState’s own', { type: 'xstate.done.actor.work' }, ['event.type']],
    ['a reason that is none', { type: 'task.cancel', reason: 1 }, ['event.reason']],
    ['a step that is not there', { type: 'task.restart', keep: ['sleep'] }, ['event.keep']],
  ])('%s is refused, by the place', async (_, event, paths) => {
    await using stand = await openStand();
    await stand.ask('submit', request);
    const { code, body } = await stand.ask('send.a', event);
    expect({ code, paths: body.issues.map(({ path }: { path: string }) => path) }).toEqual({
      code: '400',
      paths,
    });
  });

  test('to a task that is not there, and under an id that is none, is refused', async () => {
    await using stand = await openStand();
    expect(await stand.ask('send.nobody', { type: 'task.cancel' })).toMatchObject({ code: '404' });
    await stand.ask('submit', request);
    const named = headers();
    named.set('Nats-Msg-Id', 'x'.repeat(257));
    const reply = await stand.client.request('taskchart.send.a', '{"type":"task.cancel"}', {
      headers: named,
      timeout: 5_000,
    });
    expect(answered(reply)).toMatchObject({ code: '400', body: { issues: [{ path: 'Nats-Msg-Id' }] } });
  });
});

describe('N1: whatever comes is answered', () => {
  test('a thousand bad messages on every subject, with a good one among them; the worker lives', {
    timeout: 60_000,
  }, async () => {
    await using stand = await openStand();
    const good = JSON.stringify({ name: 'work', context: { cart_id: 1 } });
    const subjects = fc.constantFrom('submit', 'status.a', 'status.\u00e9', 'send.a', 'send.b', 'send.%');
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((text) => new TextEncoder().encode(text)),
      // Good ones with a few bytes that are not.
      fc
        .array(fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 })), {
          minLength: 1,
          maxLength: 3,
        })
        .map((changes) => {
          const text = new TextEncoder().encode(good);
          for (const [at, byte] of changes) text[at] = byte;
          return text;
        }),
      fc.object().map((object) => new TextEncoder().encode(JSON.stringify({ name: 'work', ...object }))),
    );
    const bad = fc.sample(fc.tuple(subjects, bytes), { numRuns: 1_000, seed: 7 });
    await stand.ask('submit', request);
    const answers = await Promise.all(
      bad.map(async ([subject, body]) => [subject, await stand.ask(subject, body)] as const),
    );
    for (const [subject, answer] of answers) {
      // Some of what was changed is still a request, or an event that the task does not know; all others are told why not.
      const isTaken = answer.code === undefined && typeof answer.body.status === 'string';
      expect(isTaken || isProblem(answer), `${subject}: ${JSON.stringify(answer)}`).toBe(true);
    }
    expect(answers.filter(([, { code }]) => code === '400').length).toBeGreaterThan(400);
    expect(stand.errors).toEqual([]);
    await begun(stand, 1);
    stand.work.finish('a');
    await expect((await stand.service.task('a')).result()).resolves.toMatchObject({ status: 'complete' });
  });

  test.each<[string, Uint8Array | string]>([
    ['nothing', ''],
    ['no text', new Uint8Array([0xff, 0xfe, 0])],
    ['no JSON', '{"name":'],
    ['nested without end', '['.repeat(200_000) + ']'.repeat(200_000)],
    ['a text', '"work"'],
  ])('a request that is %s, with what was expected', async (_, bytes) => {
    await using stand = await openStand();
    const answer = await stand.ask('submit', bytes);
    expect(answer.code).toBe('400');
    expect(isProblem(answer)).toBe(true);
    expect(answer.body.issues).toEqual([{ path: '', message: expect.stringMatching(/expected/) }]);
  });

  test('an answer that is larger than the server takes is said to be', async () => {
    await using stand = await openStand({ configuration: 'max_payload: 20000' });
    await stand.ask('submit', request);
    await begun(stand, 1);
    stand.work.finish('a', 'x'.repeat(30_000));
    await (await stand.service.task('a')).result();
    expect(await stand.ask('status.a')).toMatchObject({
      code: '413',
      body: { detail: expect.stringMatching(/^The answer is 3\d{4} bytes; the NATS server takes 20000\.$/) },
    });
  });

  test('N3: but under no subject of its own, of its backend or of the server', async () => {
    await using stand = await openStand();
    const heard: string[] = [];
    for (const subject of ['taskchart.inbox.>', '$JS.API.STREAM.DELETE.x'])
      stand.client.subscribe(subject, { callback: (_, message) => heard.push(message.subject) });
    for (const reply of ['taskchart.inbox.work.b', '$JS.API.STREAM.DELETE.x'])
      stand.client.publish('taskchart.submit', 'rubbish', { reply });
    // Answered behind those.
    expect(await stand.ask('submit', 'rubbish')).toMatchObject({ code: '400' });
    await stand.client.flush();
    expect(heard).toEqual([]);
  });
});

describe('as a NATS service', () => {
  test('it is found, pinged and counted', async () => {
    await using stand = await openStand();
    await stand.ask('submit', request);
    await stand.ask('submit', 'rubbish');
    const micro = stand.client.services.client({ maxWait: 300, strategy: RequestStrategy.Timer });
    const all = async <T>(found: Promise<AsyncIterable<T>>) => collect(await found);
    expect(await all(micro.ping('taskchart'))).toMatchObject([
      { name: 'taskchart', version: /^\d+\.\d+\.\d+/ },
    ]);
    const [info] = await all(micro.info('taskchart'));
    expect(info?.endpoints?.map(({ name, subject, queue_group }) => [name, subject, queue_group])).toEqual([
      ['submit', 'taskchart.submit', 'taskchart'],
      ['status', 'taskchart.status.*', 'taskchart'],
      ['send', 'taskchart.send.*', 'taskchart'],
    ]);
    const [stats] = await all(micro.stats('taskchart'));
    expect(stats?.endpoints?.[0]).toMatchObject({ name: 'submit', num_requests: 2, data: { refused: 1 } });
  });

  test('N2: of two doors one gets a request, and when one closes the other gets them all', async () => {
    await using stand = await openStand();
    const other = await stand.openDoor();
    const micro = stand.client.services.client({ maxWait: 300, strategy: RequestStrategy.Timer });
    const counts = async () => {
      const all = await collect(await micro.stats('taskchart'));
      return all.map(({ endpoints }) => endpoints?.[0]?.num_requests ?? 0);
    };
    const asked = Array.from({ length: 40 }, () => stand.ask('submit', { name: 'work' }));
    await Promise.all(asked);
    const shares = await counts();
    expect(shares).toHaveLength(2);
    expect(shares.reduce((sum, count) => sum + count)).toBe(40);

    const late = Array.from({ length: 40 }, () => stand.ask('submit', { name: 'work' }));
    await other.close();
    expect((await Promise.all(late)).map(({ code }) => code)).toEqual(Array(40).fill(undefined));
    expect(await counts()).toHaveLength(1);
    expect(stand.errors).toEqual([]);
  });

  test('under another prefix', async () => {
    await using stand = await openStand({ prefix: 'shop' });
    expect(await stand.ask('submit', request)).toMatchObject({ body: { id: 'a' } });
  });

  test('it is there again when the server is', async () => {
    await using stand = await openStand();
    await stand.server.end('SIGKILL');
    await stand.server.start();
    for (;;) {
      // Until both have connected again, nobody answers.
      const asked = stand.client.request('taskchart.submit', JSON.stringify(request), { timeout: 100 });
      const reply = await asked.catch(() => undefined);
      if (!reply) continue;
      expect(answered(reply).body).toMatchObject({ id: 'a' });
      break;
    }
    expect(stand.errors).toEqual([]);
  });
});

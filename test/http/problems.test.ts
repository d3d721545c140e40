import { request as httpRequest } from 'node:http';
import { describe, expect, test } from 'vitest';
import { ask, openStand, PROBLEM, post, raw } from './stand.ts';

/** What every problem has, and what none may show. */
function expectProblem(
  { type, status, body }: { type: string | null; status: number; body: unknown },
  expected: number,
): void {
  expect({ status, type }).toEqual({ status: expected, type: PROBLEM });
  expect(body).toMatchObject({
    type: expect.any(String),
    title: expect.any(String),
    status: expected,
    detail: expect.stringMatching(/\.$/),
  });
  expect(JSON.stringify(body)).not.toMatch(/node_modules|\.ts\b|\bat .*:\d+:\d+/);
}

describe('H1: what is not done is answered as a problem', () => {
  test.each<[string, string, RequestInit, number]>([
    ['no route', '/nothing?token=secret', {}, 404],
    ['no route, with a body', '/nothing', { method: 'POST', body: '{' }, 404],
    ['no method of a route', '/tasks', { method: 'DELETE' }, 405],
    ['no method of a route, with a body that is none', '/tasks/a', { method: 'PUT', body: '{' }, 405],
    ['a URL that cannot be decoded', '/tasks/%E0%A4%A', {}, 400],
    ['a segment too long for any route', `/tasks/${'x'.repeat(2_000)}`, {}, 414],
  ])('%s', async (_, path, init, status) => {
    await using stand = await openStand();
    const answer = await ask(`${stand.url}${path}`, init);
    expectProblem(answer, status);
    expect(JSON.stringify(answer.body)).not.toContain('secret');
  });

  test.each<[string, string | Uint8Array, string | undefined, number]>([
    ['no JSON', '{"name":', 'application/json', 400],
    ['nothing', '', 'application/json', 400],
    ['no text', new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]), 'application/json', 400],
    ['a key that changes prototypes', '{"__proto__":{"a":1},"name":"work"}', 'application/json', 400],
    ['plain text', 'order', 'text/plain', 415],
    ['a form', 'name=order', 'application/x-www-form-urlencoded', 415],
    ['of a type that is none', '{}', 'json', 415],
    ['larger than the limit', `{"name":"${'x'.repeat(2_000)}"}`, 'application/json', 413],
  ])('a body that is %s', async (_, body, contentType, status) => {
    await using stand = await openStand({ maxBody: 1_000 });
    expectProblem(await post(`${stand.url}/tasks`, body, { 'content-type': contentType ?? '' }), status);
  });

  test('a body larger than the limit that comes in pieces', async () => {
    await using stand = await openStand({ maxBody: 1_000 });
    const stream = new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(500).fill(0x20));
      },
    });
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: stream,
      duplex: 'half',
    };
    const answer = await ask(`${stand.url}/tasks`, init as RequestInit).catch(({ cause }) => cause);
    // A client that is still sending may see the connection end before it sees the answer.
    if (answer instanceof Error)
      expect(answer).toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE|UND_ERR/) });
    else expectProblem(answer, 413);
    expect(await ask(`${stand.url}/health/live`)).toMatchObject({ status: 200 });
  });

  test('405 says which methods there are', async () => {
    await using stand = await openStand();
    const { headers } = await ask(`${stand.url}/tasks/a`, { method: 'PATCH' });
    expect(headers.get('allow')).toBe('GET, HEAD');
    expect((await ask(`${stand.url}/tasks`)).headers.get('allow')).toBe('POST');
  });

  test.each([
    ['no HTTP', 'HELLO THERE\r\n\r\n', 400],
    [
      'a header too large',
      `GET /health/live HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
      431,
    ],
    ['no Host', 'GET /tasks/a HTTP/1.1\r\nconnection: close\r\n\r\n', 421],
    [
      'two lengths',
      'POST /tasks HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}',
      400,
    ],
    ['bytes', Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]), 400],
  ])('%s', async (_, bytes, status) => {
    await using stand = await openStand();
    expectProblem(await raw(stand.url, bytes), status);
  });

  test('a request that does not arrive in time: 408', async () => {
    await using stand = await openStand({ receiveWithin: 200 });
    expectProblem(await raw(stand.url, 'POST /tasks HTTP/1.1\r\nhost: localhost\r\ncontent-le'), 408);
  });

  test('an answer that takes too long: 503, and when to try again', async () => {
    const hanging = Promise.withResolvers<never>();
    await using stand = await openStand({
      answerWithin: 50,
      replace: () => ({ inbox: { submit: () => hanging.promise } }),
    });
    const answer = await post(`${stand.url}/tasks`, { name: 'work' });
    expectProblem(answer, 503);
    expect(answer.headers.get('retry-after')).toBe('1');
    hanging.reject(new Error('too late for anybody'));
  });

  test('H2: what nobody foresaw: 500, which says nothing; the program is told', async () => {
    await using stand = await openStand({
      replace: () => ({
        inbox: {
          submit: () => {
            throw new TypeError('cannot read /etc/secret');
          },
        },
      }),
    });
    const answer = await post(`${stand.url}/tasks?a=1`, { name: 'work' });
    expectProblem(answer, 500);
    expect(answer.body.detail).toBe('Something went wrong here.');
    expect(stand.errors).toEqual([expect.objectContaining({ message: 'cannot read /etc/secret' })]);
  });
});

test('HEAD is GET without its body', async () => {
  await using stand = await openStand();
  await post(`${stand.url}/tasks`, { id: 'a', name: 'work' });
  expect(await ask(`${stand.url}/tasks/a`, { method: 'HEAD' })).toMatchObject({
    status: 200,
    body: undefined,
  });
  expect(await ask(`${stand.url}/tasks/b`, { method: 'HEAD' })).toMatchObject({
    status: 404,
    body: undefined,
  });
});

test.each(['/health/live', '/health/ready', '/tasks/none', '/nothing', '/%'])(
  'the answer of %s tells browsers to keep and show it nowhere, and lets no other page read it',
  async (path) => {
    await using stand = await openStand();
    const { headers } = await ask(`${stand.url}${path}`, { headers: { origin: 'http://elsewhere.example' } });
    expect(Object.fromEntries(headers)).toMatchObject({
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
    expect(headers.get('access-control-allow-origin')).toBeNull();
    expect(headers.get('x-powered-by')).toBeNull();
  },
);

test('closing lets an answer that is under way be given', async () => {
  const release = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const stand = await openStand({
    replace: ({ inbox }) => ({
      inbox: {
        submit: async (message) => {
          asked.resolve();
          await release.promise;
          await inbox.submit(message);
        },
      },
    }),
  });
  const answer = post(`${stand.url}/tasks`, { name: 'work' });
  await asked.promise;
  const closed = stand[Symbol.asyncDispose]();
  release.resolve();
  expect(await answer).toMatchObject({ status: 202 });
  await closed;
});

test('closing does not wait for ever for a caller that does not come to an end', async () => {
  const stand = await openStand();
  const slow = httpRequest(`${stand.url}/tasks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
  });
  const cut = new Promise((resolve) => slow.once('error', resolve));
  slow.write('{');
  await new Promise((resolve) => slow.once('socket', (socket) => socket.once('connect', resolve)));
  await stand[Symbol.asyncDispose]();
  expect(await cut).toMatchObject({ code: 'ECONNRESET' });
});

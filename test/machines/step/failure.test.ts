import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { PermanentError, RetryableError } from '../../../machines/step/index.ts';
import { answeredWith, failed } from './failures.ts';

const coded = (code: string, message = 'It failed.') => Object.assign(new Error(message), { code });
const fetchFailed = (cause: unknown) => new TypeError('fetch failed', { cause });
const zodError = z.object({ a: z.array(z.int()) }).safeParse({ a: [1, 'x'] }).error;

describe('answers', () => {
  const retryable = new Set([408, 425, 429]);
  for (let status = 500; status < 600; status += 1)
    if (status !== 501 && status !== 505) retryable.add(status);

  test.each(Array.from({ length: 300 }, (_, n) => 300 + n))('F2: %i', (status) => {
    const failure = failed(answeredWith(status));
    expect(failure.code).toBe(`http_${status}`);
    expect(failure.delay).toBe(retryable.has(status) ? 1_000 : undefined);
  });

  test('tell what was asked, what was answered, and in which words', () => {
    expect(failed(answeredWith(404, { data: { message: 'Cart 1 not found' } }))).toEqual({
      code: 'http_404',
      message: 'GET https://shop.example/carts/1 was answered with 404 Not Found: Cart 1 not found',
      attempt: 1,
      request: { method: 'GET', url: 'https://shop.example/carts/1' },
    });
  });

  test.each<[unknown, string]>([
    ['So it is.', ': So it is.'],
    [{ message: 'So.' }, ': So.'],
    [{ detail: 'So.' }, ': So.'],
    [{ error: 'So.' }, ': So.'],
    [{ message: 1 }, '.'],
    ['  ', '.'],
    [undefined, '.'],
    ['x'.repeat(500), `: ${'x'.repeat(300)}…`],
  ])('with the body %j', (data, end) => {
    expect(failed(answeredWith(400, { data })).message).toBe(
      `GET https://shop.example/carts/1 was answered with 400${end}`,
    );
  });

  test.each([
    [{ 'retry-after': '2' }],
    [{ 'Retry-After': 2 }],
    [new Headers({ 'Retry-After': '2' })],
    [new Headers({ 'Retry-After': 'Thu, 01 Jan 1970 00:00:02 GMT' })],
    [new Map([['retry-after', '2']])],
  ])('with Retry-After are obeyed, whichever headers the client has: %j', (headers) => {
    expect(failed(answeredWith(503, { headers })).delay).toBe(2_000);
  });

  test.each([new Headers(), {}, null, 'retry-after: 2', new Headers({ 'retry-after': 'soon' })])(
    'without one wait as the policy says: %j',
    (headers) => {
      expect(failed({ ...answeredWith(503), response: { status: 503, headers } }).delay).toBe(1_000);
    },
  );

  test('are known by their status, whatever else is missing', () => {
    expect(failed({ response: { status: 404 } })).toEqual({
      code: 'http_404',
      message: 'The request was answered with 404.',
      attempt: 1,
    });
  });

  test('that were fine are not what went wrong', () => {
    const error = Object.assign(new SyntaxError('Unexpected end'), {
      response: { status: 200, headers: {} },
    });
    expect(failed(error)).toMatchObject({ code: 'invalid_json', delay: 1_000 });
  });

  test('that ask for more than maxRetryAfter fail the step, and say so', () => {
    const asking = (seconds: string) => failed(answeredWith(429, { headers: { 'retry-after': seconds } }));
    expect(asking('3600').delay).toBe(3_600_000);
    expect(asking('3601')).toMatchObject({
      code: 'retry_after_too_long',
      message: expect.stringMatching(
        /was answered with 429\. Retry-After asks for 3601000 ms, more than maxRetryAfter allows \(3600000 ms\)\.$/,
      ),
    });
    for (const seconds of ['3601', '9'.repeat(10), '9'.repeat(400)])
      expect(asking(seconds)).not.toHaveProperty('delay');
    const never = new Headers({ 'retry-after': 'Fri, 31 Dec 9999 23:59:59 GMT' });
    expect(failed(answeredWith(503, { headers: never })).code).toBe('retry_after_too_long');
  });

  test('whose status is permanent are not retried for asking', () => {
    expect(failed(answeredWith(404, { headers: { 'retry-after': '2' } }))).not.toHaveProperty('delay');
  });
});

describe('everything else that is thrown', () => {
  test.each<[string, unknown, string]>([
    ['a refused connection', fetchFailed(coded('ECONNREFUSED')), 'network'],
    ['a reset connection', fetchFailed(coded('ECONNRESET')), 'network'],
    ['an unknown host', fetchFailed(coded('ENOTFOUND')), 'network'],
    ['a name server that is away', coded('EAI_AGAIN'), 'network'],
    ['a broken pipe', coded('EPIPE'), 'network'],
    ['a timeout of a socket', fetchFailed(coded('UND_ERR_CONNECT_TIMEOUT')), 'network'],
    ['a body cut short', new TypeError('terminated', { cause: coded('UND_ERR_SOCKET') }), 'network'],
    ['a wrapped one', new Error('No cart.', { cause: fetchFailed(coded('ECONNRESET')) }), 'network'],
    [
      'all addresses refused',
      fetchFailed(Object.assign(new AggregateError([coded('X')]), { code: 'ECONNREFUSED' })),
      'network',
    ],
    ['an aborted fetch', new DOMException('Too late', 'TimeoutError'), 'timeout'],
    ['no JSON', new SyntaxError('Unexpected token'), 'invalid_json'],
    ['an unknown error', new Error('Oh.'), 'unexpected'],
    ['an error with a code', coded('ERR_ASSERTION'), 'ERR_ASSERTION'],
    ['a file that is not there', coded('ENOENT'), 'ENOENT'],
    ['several errors', new AggregateError([new Error('One.'), new Error('Two.')]), 'unexpected'],
    ['an abort of its own', new DOMException('Stopped', 'AbortError'), 'unexpected'],
    ['text', 'oh no', 'unexpected'],
    ['a number', 42, 'unexpected'],
    ['null', null, 'unexpected'],
    ['undefined', undefined, 'unexpected'],
    ['a symbol', Symbol('oh'), 'unexpected'],
    ['a function', () => 'oh', 'unexpected'],
    ['a big number', 10n, 'unexpected'],
  ])('F1: is tried again: %s', (_, thrown, code) => {
    const failure = failed(thrown);
    expect(failure).toMatchObject({ code, attempt: 1, delay: 1_000, message: expect.stringMatching(/./) });
    expect(JSON.parse(JSON.stringify(failure))).toStrictEqual(failure);
  });

  test.each<[string, unknown, string]>([
    ['a redirect loop', fetchFailed(new Error('redirect count exceeded')), 'redirect'],
    ['a redirect where none is allowed', fetchFailed(new Error('unexpected redirect')), 'redirect'],
    [
      'a redirect elsewhere than to HTTP',
      fetchFailed(new Error('URL scheme must be a HTTP(S) scheme')),
      'redirect',
    ],
    [
      'a redirect to no URL',
      fetchFailed(Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL' })),
      'redirect',
    ],
    [
      'no URL to begin with',
      Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL' }),
      'invalid_url',
    ],
    ['data that does not fit, by zod', zodError, 'invalid_data'],
    ['data that does not fit, by another schema', { issues: [{ message: 'Bad.' }] }, 'invalid_data'],
    ['an effect that says so', new PermanentError('No.'), 'permanent'],
    ['an effect that says why', new PermanentError('No.', { code: 'declined' }), 'declined'],
    ['a look-alike', { retryable: false, message: 'No.' }, 'permanent'],
  ])('is not tried again: %s', (_, thrown, code) => {
    expect(failed(thrown)).toMatchObject({ code });
    expect(failed(thrown)).not.toHaveProperty('delay');
  });

  test('data that does not fit tells where', () => {
    expect(failed(zodError)).toMatchObject({
      message: 'The data does not fit its schema: a[1]: Invalid input: expected number, received string',
      issues: [{ path: 'a[1]', message: 'Invalid input: expected number, received string' }],
    });
    const standard = { issues: [{ message: 'Bad.', path: [{ key: 'a' }, 0, 'b'] }, { message: 'Worse.' }] };
    expect(failed(standard).issues).toEqual([
      { path: 'a[0].b', message: 'Bad.' },
      { path: '', message: 'Worse.' },
    ]);
    const many = Array.from({ length: 500 }, (_, n) => ({ message: 'Bad.', path: [n] }));
    expect(failed({ issues: many }).issues).toHaveLength(50);
  });
});

describe('what an effect says itself', () => {
  test('holds, whatever else it looks like', () => {
    expect(failed(Object.assign(new PermanentError('No.'), { response: { status: 503 } }))).toMatchObject({
      code: 'permanent',
    });
    expect(failed(Object.assign(new RetryableError('No.'), { response: { status: 404 } })).delay).toBe(1_000);
  });

  test('may name code, wait, request, issues and cause', () => {
    const request = { method: 'PUT', url: 'https://bank.example/pay?token=t0p' };
    const issues = [{ path: 'card', message: 'It is worn.' }];
    const cause = new Error('Inner.', { cause: 'innermost' });
    const error = new RetryableError('Later.', { code: 'busy', retryAfter: 5_000, request, issues, cause });
    expect(failed(error)).toEqual({
      code: 'busy',
      message: 'Later.',
      attempt: 1,
      delay: 5_000,
      request: { method: 'PUT', url: 'https://bank.example/pay?token=redacted' },
      issues,
      cause: {
        name: 'Error',
        message: 'Inner.',
        cause: { name: 'string', message: 'No error was thrown but "innermost".' },
      },
    });
    expect(failed(new RetryableError('Later.', { retryAfter: 3_600_001 })).code).toBe('retry_after_too_long');
  });

  test.each([{ code: 7 }, { retryAfter: -1 }, { retryAfter: Number.NaN }, { issues: 'none' }, { code: '' }])(
    'stays permanent though the rest of it is malformed: %j',
    (odd) => {
      const failure = failed(Object.assign(new PermanentError('No.'), odd));
      expect(failure).toEqual({ code: failure.code, message: 'No.', attempt: 1 });
    },
  );

  test('is an error with a name, a message and a cause', () => {
    const cause = new Error('Inner.');
    expect(new PermanentError('No.', { cause })).toMatchObject({
      name: 'PermanentError',
      retryable: false,
      cause,
    });
    expect(new RetryableError('No.')).toMatchObject({
      name: 'RetryableError',
      retryable: true,
      code: 'retryable',
    });
    expect(new PermanentError('No.')).toBeInstanceOf(Error);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PermanentError, RetryableError, withoutSecrets } from '../../../machines/step/index.ts';
import { answeredWith, failed } from './failures.ts';

describe('F3: a text without its secrets', () => {
  test.each([
    ['nothing to hide', 'nothing to hide'],
    ['GET http://shop.example/carts/1?limit=30&skip=0', 'GET http://shop.example/carts/1?limit=30&skip=0'],
    ['https://me:pw@shop.example', 'https://shop.example'],
    ['https://me@shop.example/a', 'https://shop.example/a'],
    ["https://me:it's@shop.example/a", 'https://shop.example/a'],
    ['https://me:p"w@shop.example/a', 'https://shop.example/a'],
    ['https://me:p@w@shop.example/a', 'https://shop.example/a'],
    ['nats://s3cr3t@127.0.0.1:4222', 'nats://127.0.0.1:4222'],
    ['postgres://me:pw@db/shop', 'postgres://db/shop'],
    ['https://a.example/?next=https://me:pw@b.example/', 'https://a.example/?next=https://b.example/'],
    ['https://a.example/?next=https%3A%2F%2Fme%3Apw%40b.example', 'https://a.example/?next=redacted'],
    ['https://a.example/?q=50%25', 'https://a.example/?q=50%25'],
    ['https://a.example/?token=abc', 'https://a.example/?token=redacted'],
    ['https://a.example/?token=abc: no answer', 'https://a.example/?token=redacted: no answer'],
    [
      '(see "https://a.example/?a=1&api_key=abc&b=2").',
      '(see "https://a.example/?a=1&api_key=redacted&b=2").',
    ],
    ['https://a.example/?X-Amz-Signature=abc', 'https://a.example/?X-Amz-Signature=redacted'],
    ['https://a.example/?%74oken=abc', 'https://a.example/?%74oken=redacted'],
    ['https://a.example/?%zztoken=abc', 'https://a.example/?%zztoken=redacted'],
    ['Failed to parse URL from /carts/1?password=abc', 'Failed to parse URL from /carts/1?password=redacted'],
    ['https://a.example/cb#access_token=abc', 'https://a.example/cb'],
    ['https://a.example/cb#top, again', 'https://a.example/cb, again'],
    ['Authorization: Basic bWU6cHcxMjM=', 'Authorization: Basic redacted'],
    ['sent Bearer abcdefgh.ijkl-mnop', 'sent Bearer redacted'],
    ['http://[::1]:80/a and http://x', 'http://[::1]:80/a and http://x'],
  ])('%s', (text, clean) => {
    expect(withoutSecrets(text)).toBe(clean);
    expect(withoutSecrets(clean)).toBe(clean);
  });

  test('takes its time only once, however long it is', () => {
    for (const piece of ['://', '?a', '&token=', '#', 'bearer ', 'a', '@', '://a@', ')', '?token=)))']) {
      withoutSecrets(piece.repeat(20_000 / piece.length));
    }
  });
});

/** What may stand in a password or a token, and is not to be found anywhere afterwards. */
const printable = fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code));
const secretOf = (not: string) =>
  fc
    .string({ unit: printable.filter((char) => !not.includes(char)), minLength: 4, maxLength: 24 })
    .map((text) => `s3c${text}r3t`);

/** A URL with secrets in each place that has room for one; and the secrets. */
const urls = fc
  .record({
    scheme: fc.constantFrom('http', 'https', 'nats', 'postgres'),
    user: secretOf('/?#@'),
    password: secretOf('/?#'),
    token: secretOf('&#'),
    fragment: secretOf(''),
    name: fc.constantFrom(
      'token',
      'api_key',
      'apikey',
      'access_token',
      'client_secret',
      'sig',
      'password',
      'auth',
      'sessionid',
    ),
    encoded: fc.boolean(),
  })
  .map(({ scheme, user, password, token, fragment, name, encoded }) => {
    const value = encoded ? encodeURIComponent(token) : token;
    return {
      url: `${scheme}://${user}:${password}@shop.example/carts/1?a=1&${name}=${value}&b=2#${fragment}`,
      secrets: [user, password, token, value, fragment],
    };
  });

describe('F3: whatever is thrown, no failure carries a secret', () => {
  const places: Record<string, (url: string) => unknown> = {
    'in a message': (url) => new Error(`Cannot reach ${url}: it is away`),
    'in quotes': (url) => new TypeError(`Failed to parse URL from "${url}".`),
    'in an answer': (url) => answeredWith(500, { url }),
    'in a body': (url) => answeredWith(500, { data: { message: `Ask ${url} instead` } }),
    'in a request': (url) => new PermanentError('No.', { request: { method: 'GET', url } }),
    'in an issue': (url) =>
      new RetryableError('No.', { issues: [{ path: 'a', message: `${url} is no URL` }] }),
    'in a cause': (url) => new Error('No.', { cause: new Error(url, { cause: new Error(`at ${url}`) }) }),
    'in a cause that is text': (url) => new Error('No.', { cause: url }),
    'in text': (url) => url,
    'in data': (url) => ({ asked: [url] }),
    'in data that does not fit': (url) => ({ issues: [{ message: `No ${url}.`, path: ['a'] }] }),
    'in several errors': (url) => new AggregateError([new Error(url), new Error(url)]),
    'in a message that is cut': (url) => new Error(`${'x '.repeat(980)}${url}`),
    'in unbroken text that is cut roughly': (url) =>
      new Error(`${`://${'a'.repeat(96)}@`.repeat(79)}${'x'.repeat(100 - (url.length >> 1))}${url}`),
    'in unbroken parameters that are cut roughly': (url) =>
      new Error(`${`://${'a'.repeat(96)}@`.repeat(79)}?next=${encodeURIComponent(url.padStart(110, 'x'))}`),
    'in a message that is cut roughly': (url) =>
      new Error(`${'://a@'.repeat(1_592)} ${'x'.repeat(20)} ${url}`),
  };

  test.each(Object.entries(places))('%s', (_, thrown) => {
    fc.assert(
      fc.property(urls, ({ url, secrets }) => {
        const failure = failed(thrown(url));
        const text = [failure.message, failure.request?.url, JSON.stringify(failure)].join('\n');
        for (const secret of secrets) {
          expect(text).not.toContain(secret);
          expect(text).not.toContain(JSON.stringify(secret).slice(1, -1));
        }
      }),
      { numRuns: 100 },
    );
  });

  test.each(['token', 'password', 'apiKey', 'Authorization', 'client_secret'])(
    'under the name %s of something that is no error',
    (name) => {
      const { message } = failed({ name: 'me', inner: [{ [name]: 'abc' }] });
      expect(message).toBe(`No error was thrown but {"name":"me","inner":[{"${name}":"redacted"}]}.`);
    },
  );
});

test('F3: of a secret that a rough cut goes through, wherever it does, not a half is shown', () => {
  const filler = `://${'a'.repeat(96)}@`.repeat(79);
  const secret = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
  const holders = [
    `https://me:${secret}@b.example/`,
    `https://me:${secret};a=@b.example/carts`,
    `https://a.example/?token=${secret}`,
    `?next=${encodeURIComponent(`https://me:${secret}@b.example/`)}`,
    `Bearer ${secret}`,
    `Authorization: Basic ${secret}`,
    `https://a.example/#${secret}`,
  ];
  for (const holder of holders) {
    for (let cut = 0; cut <= holder.length; cut += 1) {
      const { message } = failed(new Error(`${filler}${' '.repeat(100 - cut)}${holder}${' and'.repeat(20)}`));
      expect(message).not.toMatch(/AB|CD|EF/);
    }
  }
});

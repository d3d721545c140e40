import { request as httpRequest } from 'node:http';
import { describe, expect, test } from 'vitest';
import { type HttpOptions, startHttpDoor } from '../../src/http/index.ts';
import { ask, openStand, PROBLEM } from './stand.ts';

const token = 'a-token-of-24-characters';
const nothing = { running: () => undefined, onError: () => {} };

describe('G1: with a token', () => {
  test.each([
    ['none', undefined],
    ['another', 'Bearer another-token-of-some-length'],
    ['a part of it', `Bearer ${token.slice(0, -1)}`],
    ['more than it', `Bearer ${token}x`],
    ['it by another scheme', `Basic ${token}`],
    ['it alone', token],
  ])('a request that carries %s is refused: 401, and what is asked for', async (_, authorization) => {
    await using stand = await openStand({ token });
    const init = authorization === undefined ? {} : { headers: { authorization } };
    for (const [path, method] of [
      ['/tasks/a', 'GET'],
      ['/tasks', 'POST'],
    ] as const) {
      const { status, type, headers, body } = await ask(`${stand.url}${path}`, { ...init, method });
      expect({ status, type }).toEqual({ status: 401, type: PROBLEM });
      expect(headers.get('www-authenticate')).toBe('Bearer realm="taskchart"');
      expect(JSON.stringify(body)).not.toContain(token);
    }
  });

  test('one that carries it is answered', async () => {
    await using stand = await openStand({ token });
    const headers = { authorization: `Bearer ${token}` };
    expect(await ask(`${stand.url}/tasks/a`, { headers })).toMatchObject({ status: 404 });
  });

  test('health is told to all', async () => {
    await using stand = await openStand({ token });
    expect(await ask(`${stand.url}/health/live`)).toMatchObject({ status: 200 });
    expect(await ask(`${stand.url}/health/ready`)).toMatchObject({ status: 200 });
  });
});

describe('G2: without a token', () => {
  const askAs = (url: string, host: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      httpRequest(`${url}/tasks/a`, { headers: { host } }, (answer) => {
        answer.resume().once('end', () => resolve(answer.statusCode));
      })
        .once('error', reject)
        .end();
    });

  test.each([
    ['localhost', 404],
    ['localhost:4400', 404],
    ['127.0.0.1:1', 404],
    ['[::1]:4400', 404],
    ['attacker.example', 421],
    ['localhost.attacker.example', 421],
    ['127.0.0.1.attacker.example:4400', 421],
    ['10.0.0.1', 421],
    ['a b', 421],
  ])('asked for by the name "%s": %i', async (host, status) => {
    await using stand = await openStand();
    expect(await askAs(stand.url, host)).toBe(status);
  });
});

describe('H3: where it listens', () => {
  test.each(['0.0.0.0', '::', '10.0.0.1', 'example.org', '::ffff:127.0.0.1'])(
    'not on %s without a token',
    async (host) => {
      await expect(startHttpDoor({ host, port: 0 }, nothing)).rejects.toThrow(
        `startHttpDoor: host is "${host}"; expected an address that only this machine can reach, such as 127.0.0.1, unless a token is set`,
      );
    },
  );

  test('elsewhere with one', async () => {
    await using door = await startHttpDoor({ host: '0.0.0.0', port: 0, token }, nothing);
    const { port } = new URL(door.url);
    expect(await ask(`http://127.0.0.1:${port}/tasks/a`)).toMatchObject({ status: 401 });
  });

  test.each([
    [
      'port',
      { port: 65_536 },
      'port is 65536; expected a port: a whole number from 0 (any free one) to 65535',
    ],
    ['host', { host: 'a b' }, 'host is "a b"; expected an address or a host name'],
    [
      'token',
      { token: 'secret' },
      'token is "[redacted]"; expected 16 to 1024 letters, digits and any of -._~+/=',
    ],
    ['maxBody', { maxBody: 0 }, 'maxBody is 0; expected a whole number of bytes'],
    ['answerWithin', { answerWithin: 0.5 }, 'answerWithin is 0.5; expected a whole number of milliseconds'],
    ['an unknown one', { ports: 1 }, 'there is no option ports'],
  ])('the option %s that cannot be taken is named', async (_, options, sentence) => {
    await expect(startHttpDoor(options as HttpOptions, nothing)).rejects.toThrow(sentence);
  });
});

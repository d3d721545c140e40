import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseSettings } from '../../../src/cli/serve/settings.ts';
import { SettingsError } from '../../../src/cli/serve/settings-error.ts';

const token = 'a-token-of-24-characters';

describe('what npm start is told', () => {
  test('is nothing: this machine alone, one file in the working directory, a shop of its own', () => {
    const settings = { http: { port: 4400, host: '127.0.0.1' }, backend: { file: resolve('taskchart.db') } };
    expect(parseSettings([], {})).toMatchObject(settings);
    expect(parseSettings([], { TASKCHART_PORT: '', TASKCHART_DATA: '', SHOP_URL: '' })).toMatchObject({
      ...settings,
      shopUrl: undefined,
      tasks: undefined,
    });
  });

  test('is taken', () => {
    const env = {
      TASKCHART_PORT: '80',
      TASKCHART_HOST: '0.0.0.0',
      TASKCHART_TOKEN: token,
      TASKCHART_DATA: '/var/lib/a.db',
      TASKCHART_TASKS: './tasks.ts',
      SHOP_URL: 'https://shop.example/api',
    };
    expect(parseSettings([], env)).toMatchObject({
      http: { port: 80, host: '0.0.0.0', token },
      backend: { file: '/var/lib/a.db' },
      tasks: './tasks.ts',
      shopUrl: 'https://shop.example/api',
    });
  });

  test('is to keep all on NATS', () => {
    const env = {
      NATS_URL: 'nats://me:pw@one:4222, tls://two:4222',
      NATS_CREDS: '/run/secrets/creds',
      NATS_CA: 'ca.pem',
      TASKCHART_REPLICAS: '3',
      SHOP_URL: 'https://shop.example/api',
    };
    expect(parseSettings([], env)).toMatchObject({
      backend: {
        nats: {
          servers: ['nats://me:pw@one:4222', 'tls://two:4222'],
          credentials: '/run/secrets/creds',
          tls: { ca: 'ca.pem' },
          replicas: 3,
        },
      },
    });
  });

  test.each(['localhost', '::1', '127.0.0.1', '127.1.2.3'])(
    'may be to listen on %s without a token',
    (host) => {
      expect(parseSettings([], { TASKCHART_HOST: host })).toMatchObject({ http: { host } });
    },
  );
});

describe('what npm start cannot be told is named with its value and what was expected:', () => {
  test.each<[string, Record<string, string>, string]>([
    [
      'a port that is none',
      { TASKCHART_PORT: '70000' },
      'TASKCHART_PORT: expected a port: a whole number from 0 (any free one) to 65535 (it is 70000)',
    ],
    [
      'a port in words',
      { TASKCHART_PORT: 'http' },
      'TASKCHART_PORT: expected a port: a whole number from 0 (any free one) to 65535 (it is "http")',
    ],
    [
      'a host that is none',
      { TASKCHART_HOST: 'a b' },
      'TASKCHART_HOST: expected an address or a host name (it is "a b")',
    ],
    [
      'a host for others, without a token',
      { TASKCHART_HOST: '0.0.0.0' },
      'TASKCHART_HOST: expected an address that only this machine can reach, such as 127.0.0.1, unless a token is set (it is "0.0.0.0")',
    ],
    [
      'a token that is too short, but not its value',
      { TASKCHART_TOKEN: 'hunter2' },
      'TASKCHART_TOKEN: expected 16 to 1024 letters, digits and any of -._~+/=',
    ],
    [
      'a URI for a file',
      { TASKCHART_DATA: ':memory:' },
      'TASKCHART_DATA: expected the path of a file, no SQLite URI; what need not outlive the process is for memoryBackend (it is ":memory:")',
    ],
    [
      'NATS without a shop',
      { NATS_URL: 'nats://127.0.0.1:4222' },
      "SHOP_URL: expected the URL of the shop's API: a demo shop of its own comes with a file only, not with NATS_URL",
    ],
    [
      'NATS where there is none, but not its password',
      { NATS_URL: 'nats://one:4222,http://me:pw@two', SHOP_URL: 'http://shop' },
      'NATS_URL: expected the URL of a NATS server: nats://host:4222 or tls://host:4222, not http://',
    ],
    ['replicas', { TASKCHART_REPLICAS: '2' }, 'TASKCHART_REPLICAS: expected 1, 3 or 5 (it is "2")'],
    [
      'a shop that is none, but not its password',
      { SHOP_URL: 'ftp://me:pw@shop/' },
      'SHOP_URL: expected an http or https URL, without a query or a fragment (it is "ftp://shop/")',
    ],
  ])('%s', (_, env, sentence) => {
    const refused = () => parseSettings([], env);
    expect(refused).toThrow(SettingsError);
    expect(refused).toThrow(new SettingsError([{ path: '', message: sentence }]));
  });
});

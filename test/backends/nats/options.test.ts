import { describe, expect, it } from 'vitest';
import { natsBackend, natsOptionsOf } from '../../../src/backends/nats/index.ts';
import { parseNatsOptions } from '../../../src/backends/nats/options.ts';

const url = 'expected the URL of a NATS server: nats://host:4222 or tls://host:4222';

describe('the options of the NATS backend', () => {
  it('all have defaults', () => {
    expect(parseNatsOptions({})).toMatchObject({
      servers: [{ url: 'nats://127.0.0.1:4222', isTls: false }],
      prefix: 'taskchart',
      replicas: 1,
      storage: 'file',
      ackWait: 5_000,
      retention: 7 * 24 * 60 * 60 * 1000,
      streams: { ORDERS: ['orders.>'], TASKCHART_EVENTS: ['taskchart.events.>'] },
    });
    expect(parseNatsOptions({ replicas: 3 }).ackWait).toBe(20_000);
    expect(parseNatsOptions({ replicas: 3, ackWait: 15_000 }).ackWait).toBe(15_000);
  });

  it('take servers as the usual tools do', () => {
    const servers = ['demo.nats.io', 'tls://[::1]:4443', 'nats://token@host', 'nats://me:p%40ss@host:1'];
    expect(parseNatsOptions({ servers }).servers).toEqual([
      { url: 'nats://demo.nats.io', isTls: false },
      { url: 'tls://[::1]:4443', isTls: true },
      { url: 'nats://host', isTls: false, token: 'token' },
      { url: 'nats://host:1', isTls: false, user: 'me', password: 'p@ss' },
    ]);
  });

  it('are read from the environment as the usual tools do', () => {
    expect(natsOptionsOf({ NATS_USER: 'me' })).toBeUndefined();
    expect(natsOptionsOf({ NATS_URL: '' })).toBeUndefined();
    expect(natsOptionsOf({ NATS_URL: 'nats://a', NATS_TOKEN: '' })).toEqual({ servers: ['nats://a'] });
    const all = {
      NATS_URL: 'nats://a, tls://b',
      NATS_USER: 'me',
      NATS_PASSWORD: 'secret',
      NATS_TOKEN: 't',
      NATS_CREDS: '/creds',
      NATS_NKEY: '/nkey',
      NATS_CA: '/ca',
      NATS_CERT: '/cert',
      NATS_KEY: '/key',
    };
    const options = {
      servers: ['nats://a', 'tls://b'],
      user: 'me',
      password: 'secret',
      token: 't',
      credentials: '/creds',
      nkey: '/nkey',
      tls: { ca: '/ca', cert: '/cert', key: '/key' },
    };
    expect(natsOptionsOf(all)).toEqual(options);
    expect(parseNatsOptions(natsOptionsOf(all) ?? {})).toMatchObject({ user: 'me', tls: options.tls });
  });

  it.each([
    [{ servers: 'http://me:secret@host' }, `natsBackend: servers.0 is "http://…@host"; ${url}, not http://`],
    [{ servers: ['nats://a', 'nats://me:secret@'] }, `natsBackend: servers.1 is "nats://…@"; ${url}`],
    [{ servers: [] }, /servers is \[\]; /],
    [{ servers: 1 }, /servers is 1; /],
    [{ replicas: 2 }, 'natsBackend: replicas is 2; expected 1, 3 or 5'],
    [{ storage: 'disk' }, `natsBackend: storage is "disk"; expected 'file' or 'memory'`],
    [{ prefix: 'a.b' }, 'natsBackend: prefix is "a.b"; expected 1 to 64 of A-Z a-z 0-9 _ -'],
    [{ inboxPrefix: 'a.>' }, /inboxPrefix is "a.>"; expected tokens/],
    [{ duplicateWindow: 1 }, /duplicateWindow is 1; expected a whole number of milliseconds, 100 or more/],
    [{ maxStreamBytes: 0 }, /maxStreamBytes is 0; expected a whole number of bytes, 1 or more/],
    [{ tls: { certificate: 'x' } }, 'natsBackend: there is no option certificate'],
    [{ ackWait: 0 }, /^natsBackend: ackWait is 0; expected a whole number of milliseconds/],
    [{ clock: {} }, 'natsBackend: there is no option clock'],
    [null, 'natsBackend: options is null; expected an object of options'],
  ])('are refused by name, value and expectation: %j', async (options, message) => {
    const error: unknown = await natsBackend(options as never).catch((thrown: unknown) => thrown);
    const expected = typeof message === 'string' ? message : expect.stringMatching(message);
    expect(error).toMatchObject({ name: 'InvalidOptionsError', message: expected });
  });
});

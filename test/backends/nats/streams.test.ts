import { nanos } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend, Commit } from '../../../src/backends/index.ts';
import { Connection } from '../../../src/backends/nats/connection.ts';
import { type NatsOptions, natsBackend } from '../../../src/backends/nats/index.ts';
import { parseNatsOptions } from '../../../src/backends/nats/options.ts';
import { roomIn } from '../../../src/backends/nats/payload.ts';
import { type StreamConfig, streamInfo } from '../../../src/backends/nats/streams.ts';
import { accounts } from '../../conformance/accounts.ts';
import { collect, warnings } from '../../conformance/stand.ts';
import { repeated } from './cable.ts';
import { type NatsServer, startNatsServer } from './nats-server.ts';

let server: NatsServer;
let used = 0;
beforeAll(async () => {
  server = await startNatsServer({ configuration: `${accounts(20)}\nmax_payload: 65536` });
});
afterAll(() => server[Symbol.asyncDispose]());

/** An account of the test's own. */
async function openAccount() {
  const options = { servers: server.url, user: `a${used++}`, password: 'secret' };
  const connection = await Connection.open(parseNatsOptions(options));
  const backends: Backend[] = [];
  return {
    open: async (more: NatsOptions = {}) => {
      const backend = await natsBackend({ ...options, ...more });
      backends.push(backend);
      return backend;
    },
    api: (request: string, body?: unknown) => connection.api('test', request, body),
    config: async (name: string): Promise<StreamConfig | undefined> =>
      (await streamInfo(connection, name))?.config,
    [Symbol.asyncDispose]: async () => {
      for (const backend of backends) await backend.close();
      await connection.close();
    },
  };
}

const commitOf = (id: string, more: Partial<Commit> = {}): Commit => ({
  id,
  writer: 'w',
  entries: [1],
  ...more,
});

describe('streams', () => {
  it('S2 are made once by several workers at once, with what was asked for', async () => {
    await using account = await openAccount();
    const options: NatsOptions = { prefix: 'shop', maxStreamBytes: 10_000_000, duplicateWindow: 1_000 };
    const backends = await Promise.all(Array.from({ length: 5 }, () => account.open(options)));
    for (const [n, { journal }] of backends.entries()) await journal.append(`t${n}`, 0, commitOf(`c${n}`));
    expect(await account.config('SHOP_JOURNAL_1')).toMatchObject({
      subjects: ['shop.journal.1.*.*', 'shop.blob.1.*.*'],
      retention: 'limits',
      storage: 'file',
      discard: 'new',
      num_replicas: 1,
      max_bytes: 10_000_000,
      max_age: 0,
      duplicate_window: nanos(1_000),
    });
    expect(await account.config('SHOP_JOURNAL_2')).toBeUndefined();
    expect(await account.config('SHOP_INBOX')).toMatchObject({ retention: 'workqueue' });
    expect(await account.config('ORDERS')).toMatchObject({
      subjects: ['orders.>'],
      max_age: nanos(7 * 24 * 60 * 60 * 1000),
    });
  });

  it('S1 are taken as they are where they promise more', async () => {
    await using account = await openAccount();
    const theirs = {
      subjects: ['orders.>', 'refunds.>'],
      storage: 'file',
      retention: 'limits',
      max_age: 0,
      duplicate_window: nanos(600_000),
    };
    await account.api('STREAM.CREATE.ORDERS', { name: 'ORDERS', ...theirs });
    const { events } = await account.open();
    expect(await events.publish({ subject: 'orders.a', id: 'm', body: 1 })).toMatchObject({
      stream: 'ORDERS',
    });
    expect(await account.config('ORDERS')).toMatchObject(theirs);
  });

  it('S1 are refused, field by field, where they would break a promise, and left as they are', async () => {
    await using account = await openAccount();
    const theirs = {
      name: 'ORDERS',
      subjects: ['orders.*'],
      storage: 'memory',
      retention: 'interest',
      discard: 'old',
      max_age: nanos(60_000),
      max_msgs: 1_000,
      max_msgs_per_subject: 5,
      max_msg_size: 1_000,
      duplicate_window: nanos(1_000),
      no_ack: true,
    };
    await account.api('STREAM.CREATE.ORDERS', theirs);
    const error = await account.open().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'StreamDifferenceError' });
    expect(
      String(error),
    ).toBe(`StreamDifferenceError: The stream ORDERS is there with settings that would break a promise:
  subjects is ["orders.*"]; expected ["orders.>"]
  retention is "interest"; expected limits
  storage is "memory"; expected file
  discard is "old"; expected new
  max_msgs_per_subject is 5; expected no limit (-1)
  max_age is 60000000000; expected 604800000000000 (ns) or more
  max_msg_size is 1000; expected no limit (-1)
  duplicate_window is 1000000000; expected 120000000000 (ns) or more
  no_ack is true; expected false
Change them (\`nats stream edit\`, \`nats consumer edit\`), remove it, or use another name or prefix.`);
    expect(await account.config('ORDERS')).toMatchObject(theirs);
  });

  it('S1 of ours are brought up to date when the options change, and that is said', async () => {
    await using account = await openAccount();
    await account.open({ retention: 60_000, duplicateWindow: 1_000 });
    const warned = warnings();
    const { records } = await account.open({ retention: 120_000, duplicateWindow: 2_000 });
    const said = await warned.take(warned.waiting);
    expect(said.join('\n')).toContain('The stream ORDERS was brought up to date: max_age was 60000000000');
    expect(said.join('\n')).toContain('The stream TASKCHART_JOURNAL_1 was brought up to date');
    expect(await account.config('ORDERS')).toMatchObject({ max_age: nanos(120_000) });
    expect((await records.create('a', 1)).created).toBe(true);
    const count = warned.all.length;
    await account.open({ retention: 120_000, duplicateWindow: 2_000 });
    expect(warned.all).toHaveLength(count);
  });

  it('S1 of two streams on one subject are refused by name', async () => {
    await using account = await openAccount();
    await account.api('STREAM.CREATE.OTHER', { name: 'OTHER', subjects: ['orders.>'], storage: 'file' });
    await expect(account.open()).rejects.toMatchObject({
      name: 'RefusedError',
      message: expect.stringMatching(/the stream ORDERS could not be made: .*subjects overlap/),
    });
  });

  it('S3 are made anew when somebody deletes them under a running worker, and that is said', async () => {
    await using account = await openAccount();
    const { records, events, journal, blobs } = await account.open();
    await records.create('a', 1);
    const hash = await blobs.put('value');
    const one = await journal.append('t', 0, commitOf('c1', { blobs: [hash] }));
    const warned = warnings();
    for (const name of ['TASKCHART_RECORDS', 'ORDERS', 'TASKCHART_JOURNAL_1']) {
      await account.api(`STREAM.DELETE.${name}`);
    }
    expect(await repeated(() => records.create('a', 2))).toMatchObject({ created: true });
    const message = { subject: 'orders.a', id: 'm', body: 1 };
    expect(await repeated(() => events.publish(message))).toMatchObject({ sequence: 1 });
    await expect(repeated(() => journal.append('t', one, commitOf('c2')))).rejects.toMatchObject({
      name: 'JournalConflictError',
      sequence: 0,
    });
    expect(await blobs.read(hash)).toBeUndefined();
    const fresh = await journal.append('t', 0, commitOf('c3'));
    expect(fresh).toBeGreaterThan(one);
    expect(await collect(journal.read('t'))).toMatchObject([{ id: 'c3' }]);
    const said = warned.all.join('\n');
    expect(said).toContain('The stream TASKCHART_RECORDS was made anew');
    expect(said).toContain('The stream ORDERS was made anew');
    expect(said).toContain('A stream of journals was made anew, because TASKCHART_JOURNAL_1 was gone');
  });

  it('say so when they are full, and take again when there is room', async () => {
    await using account = await openAccount();
    const { records } = await account.open({ maxStreamBytes: 100_000 });
    const large = 'x'.repeat(40_000);
    await records.create('a', large);
    await records.create('b', large);
    await expect(records.create('c', large)).rejects.toMatchObject({
      name: 'UnavailableError',
      message: expect.stringContaining('maximum bytes exceeded'),
    });
    await account.api('STREAM.PURGE.TASKCHART_RECORDS', { filter: 'taskchart.records.a' });
    expect((await records.create('c', large)).created).toBe(true);
  });
});

describe('what the server takes in one message', () => {
  it('B5 bounds what is stored in one piece, by both sizes; blobs go in parts', async () => {
    await using account = await openAccount();
    const { journal, records, blobs, actors } = await account.open();
    const large = 'x'.repeat(65_000);
    const expected = {
      name: 'TooLargeError',
      limit: roomIn(65_536),
      message: expect.stringMatching(/650\d\d bytes.* limit is 61440.*max_payload 65536/),
    };
    await expect(journal.append('t', 0, commitOf('c', { entries: [large] }))).rejects.toMatchObject(expected);
    await expect(records.create('a', large)).rejects.toMatchObject(expected);
    await expect(actors.ask('t', large)).rejects.toMatchObject(expected);
    expect(await journal.last('t')).toBeUndefined();
    const id = '–'.repeat(256);
    const entries = ['x'.repeat(roomIn(65_536) - 900)];
    await journal.append('x'.repeat(128), 0, commitOf(id, { entries }));
    const catalogue = {
      products: Array.from({ length: 5_000 }, (_, n) => ({ id: n, title: `Grüße ${n} 👋` })),
    };
    const hash = await blobs.put(catalogue);
    expect(await blobs.read(hash)).toEqual(catalogue);
  });

  it('B2 keeps a blob once, whoever puts it, and completes one that was cut off', async () => {
    await using account = await openAccount();
    const { blobs, journal } = await account.open();
    const other = await account.open();
    const value = 'x'.repeat(200_000);
    const hash = await blobs.put(value);
    const size = async (): Promise<number> =>
      ((await account.api('STREAM.INFO.TASKCHART_JOURNAL_1')) as { state: { messages: number } }).state
        .messages;
    const once = await size();
    for (let n = 0; n < 20; n++) {
      const backend = n % 2 ? other : { blobs, journal };
      expect(await backend.blobs.put(value)).toBe(hash);
      await backend.journal.append(`t${n}`, 0, commitOf(`c${n}`, { blobs: [hash] }));
    }
    expect(await size()).toBe(once + 20);
    for (const part of ['head', `${roomIn(65_536)}-1`]) {
      await account.api('STREAM.PURGE.TASKCHART_JOURNAL_1', { filter: `taskchart.blob.1.${hash}.${part}` });
    }
    const third = await account.open();
    expect(await third.blobs.read(hash)).toBeUndefined();
    await third.blobs.put(value);
    expect(await third.blobs.read(hash)).toBe(value);
  });
});

import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nkeys } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Connection } from '../../../src/backends/nats/connection.ts';
import { type NatsOptions, natsBackend } from '../../../src/backends/nats/index.ts';
import { parseNatsOptions } from '../../../src/backends/nats/options.ts';
import { type NatsServer, startNatsServer } from './nats-server.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'taskchart-connection-'));
});
afterAll(() => rm(folder, { recursive: true }));

const tls = (name: string): string => join(import.meta.dirname, 'tls', name);

/** Whether JetStream answers over a connection of these options. */
async function connects(options: NatsOptions): Promise<boolean> {
  const connection = await Connection.open(parseNatsOptions({ connectTimeout: 2_000, ...options }));
  const { streams } = await connection.api<{ streams: number }>('test', 'INFO');
  await connection.close();
  return streams === 0;
}

async function fileOf(name: string, text: string | Uint8Array): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, text);
  return file;
}

/** The URL of a server with who connects in it. */
const urlOf = ({ port }: NatsServer, who: string): string => `nats://${who}@127.0.0.1:${port}`;

describe('connecting', () => {
  it('with user and password, in options or in the URL, refused at once with others', async () => {
    await using server = await startNatsServer({
      configuration: 'authorization { user: "a b", password: "p@ss" }',
    });
    expect(await connects({ servers: server.url, user: 'a b', password: 'p@ss' })).toBe(true);
    expect(await connects({ servers: urlOf(server, 'a%20b:p%40ss') })).toBe(true);
    const wrong = natsBackend({ servers: urlOf(server, 'a%20b:secret'), connectTimeout: 60_000 });
    const error: unknown = await wrong.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      name: 'RefusedError',
      message: `natsBackend: ${server.url} refused the connection: 'Authorization Violation'`,
    });
  });

  it('with a token, in options or in the URL', async () => {
    await using server = await startNatsServer({ configuration: 'authorization { token: "t0ken" }' });
    expect(await connects({ servers: server.url, token: 't0ken' })).toBe(true);
    expect(await connects({ servers: urlOf(server, 't0ken') })).toBe(true);
    await expect(connects({ servers: server.url })).rejects.toMatchObject({ name: 'RefusedError' });
  });

  it('with the file of an nkey', async () => {
    const user = nkeys.createUser();
    await using server = await startNatsServer({
      configuration: `authorization { users: [{ nkey: ${user.getPublicKey()} }] }`,
    });
    const nkey = await fileOf('user.nk', `${new TextDecoder().decode(user.getSeed())}\n`);
    expect(await connects({ servers: server.url, nkey })).toBe(true);
    const missing = join(folder, 'missing.nk');
    await expect(connects({ servers: server.url, nkey: missing })).rejects.toMatchObject({
      name: 'RefusedError',
      message: `natsBackend: nkey is ${JSON.stringify(missing)}; expected a file to read`,
    });
  });

  it('with a credentials file', async () => {
    const [operator, account, user] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createUser()];
    const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const token = (issuer: typeof operator, subject: typeof operator, nats: object): string => {
      const claims = { jti: 'x', iat: 1, iss: issuer.getPublicKey(), sub: subject.getPublicKey(), nats };
      const text = `${encoded({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encoded(claims)}`;
      return `${text}.${Buffer.from(issuer.sign(Buffer.from(text))).toString('base64url')}`;
    };
    const all = { subs: -1, data: -1, payload: -1 };
    const limits = { ...all, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
    const operatorToken = token(operator, operator, { type: 'operator', version: 2 });
    const accountToken = token(operator, account, { limits, type: 'account', version: 2 });
    const userToken = token(account, user, { pub: {}, sub: {}, ...all, type: 'user', version: 2 });
    await using server = await startNatsServer({
      configuration: `operator: ${operatorToken}\nresolver: MEMORY\nsystem_account: ${account.getPublicKey()}
        resolver_preload: { ${account.getPublicKey()}: ${accountToken} }`,
    });
    const seed = new TextDecoder().decode(user.getSeed());
    const credentials = await fileOf(
      'user.creds',
      `-----BEGIN NATS USER JWT-----\n${userToken}\n------END NATS USER JWT------\n
-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`,
    );
    const connection = await Connection.open(parseNatsOptions({ servers: server.url, credentials }));
    expect(connection.isConnected).toBe(true);
    await connection.close();
    await expect(connects({ servers: server.url })).rejects.toMatchObject({ name: 'RefusedError' });
  });

  it('over TLS, to a server that one trusts', async () => {
    await using server = await startNatsServer({
      configuration: `tls { cert_file: "${tls('cert.pem')}", key_file: "${tls('key.pem')}" }`,
    });
    const servers = `tls://localhost:${server.port}`;
    expect(await connects({ servers, tls: { ca: tls('cert.pem') } })).toBe(true);
    await expect(connects({ servers })).rejects.toMatchObject({
      message: expect.stringContaining('self-signed certificate'),
    });
  });

  it('over TLS only, where that was asked for', async () => {
    await using server = await startNatsServer();
    const error = await connects({ servers: `tls://127.0.0.1:${server.port}` }).catch((thrown) => thrown);
    expect(error).toMatchObject({ name: 'RefusedError' });
  });

  it('to whichever of several servers is there, and to none for so long', async () => {
    await using server = await startNatsServer();
    const nobody = createServer().listen(0, '127.0.0.1');
    await once(nobody, 'listening');
    const { port } = nobody.address() as { port: number };
    await new Promise((resolve) => nobody.close(resolve));
    const dead = `nats://127.0.0.1:${port}`;
    expect(await connects({ servers: [dead, server.url] })).toBe(true);
    await expect(connects({ servers: dead, connectTimeout: 300 })).rejects.toMatchObject({
      name: 'UnavailableError',
      message: expect.stringContaining(dead),
    });
  });

  it('waits for a server that is not there yet', async () => {
    await using server = await startNatsServer();
    await server.end();
    const connected = connects({ servers: server.url, connectTimeout: 15_000 });
    await server.start();
    expect(await connected).toBe(true);
  });
});

describe('a connection', () => {
  it('C2 says what one is not permitted to publish to', async () => {
    await using server = await startNatsServer({
      configuration: `authorization { users: [{ user: a, password: b, permissions: {
        publish: { deny: ["taskchart.records.>"] } } }] }`,
    });
    await using backend = await natsBackend({ servers: server.url, user: 'a', password: 'b' });
    await expect(backend.records.create('a', 1)).rejects.toMatchObject({
      name: 'RefusedError',
      message: expect.stringContaining('taskchart.records.a'),
    });
    expect(await backend.journal.append('t', 0, { id: 'c', writer: 'w', entries: [1] })).toBeGreaterThan(0);
  });

  it('C2 says that JetStream is not there', async () => {
    await using server = await startNatsServer({
      configuration: `accounts { A { users: [{ user: a, password: b }] }, B { jetstream: enabled } }`,
    });
    const opened = natsBackend({ servers: server.url, user: 'a', password: 'b', requestTimeout: 500 });
    await expect(opened).rejects.toThrow(/JetStream/i);
  });

  it('C1 leaves a server that does not answer', async () => {
    await using server = await startNatsServer();
    const settings = parseNatsOptions({ servers: server.url, pingInterval: 100, requestTimeout: 1_000 });
    const connection = await Connection.open(settings);
    const changes: boolean[] = [];
    const lost = new Promise<void>((resolve) => {
      connection.onChange((isConnected) => {
        changes.push(isConnected);
        if (!isConnected) resolve();
      });
    });
    await server.freeze();
    await lost;
    expect(connection.isConnected).toBe(false);
    await expect(connection.api('test', 'INFO')).rejects.toMatchObject({
      name: 'UnavailableError',
      message: expect.stringContaining('there is no connection'),
    });
    const back = new Promise<void>((resolve) => {
      connection.onChange((isConnected) => {
        if (isConnected) resolve();
      });
    });
    server.thaw();
    await back;
    expect(await connection.api<{ streams: number }>('test', 'INFO')).toMatchObject({ streams: 0 });
    await connection.close();
  });
});

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Commit } from '../../../src/backends/index.ts';
import type { Connection } from '../../../src/backends/nats/connection.ts';
import { streamNames } from '../../../src/backends/nats/streams.ts';
import { collect } from '../../conformance/stand.ts';
import { repeated } from './cable.ts';
import { type NatsServer, startNatsServer } from './nats-server.ts';
import { AheadOfTime, openOpenly } from './openly.ts';

const HOUR = 60 * 60 * 1000;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Three servers, of which each message is kept by all. */
async function startCluster() {
  const ports = [await freePort(), await freePort(), await freePort()];
  const routes = ports.map((port) => `"nats://127.0.0.1:${port}"`).join(', ');
  const servers: NatsServer[] = [];
  const dispose = async (): Promise<void> => {
    for (const server of servers) await server[Symbol.asyncDispose]();
  };
  for (const [n, port] of ports.entries()) {
    const cluster = `cluster { name: three, listen: "127.0.0.1:${port}", routes: [${routes}] }`;
    servers.push(await startNatsServer({ configuration: `server_name: server${n}\n${cluster}` }));
  }
  return { servers, [Symbol.asyncDispose]: dispose };
}

/** Waits until each server has all that the others have: what takes two servers away at a time takes the cluster away. */
async function healed(connection: Connection): Promise<void> {
  const isHealed = async (name: string): Promise<boolean> => {
    const info: { cluster?: { leader?: string; replicas?: readonly { current: boolean }[] } } =
      await connection.api('test', `STREAM.INFO.${name}`);
    const { leader, replicas = [] } = info.cluster ?? {};
    return leader !== undefined && replicas.length === 2 && replicas.every(({ current }) => current);
  };
  for (;;) {
    const names = await repeated(() => streamNames(connection));
    const all = await Promise.all(names.map((name) => isHealed(name).catch(() => false)));
    if (all.every(Boolean)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const commitOf = (id: string, more: Partial<Commit> = {}): Commit => ({
  id,
  writer: 'writer-1',
  entries: [{ entry: id }],
  ...more,
});

describe('a cluster', () => {
  it('G5 goes on over the loss of each server, whatever generations have come and gone', {
    timeout: 120_000,
  }, async () => {
    await using cluster = await startCluster();
    const { servers } = cluster;
    const time = new AheadOfTime();
    const options = { servers: servers.map(({ url }) => url), replicas: 3, requestTimeout: 2_000 };
    // Until the servers have found each other.
    await using worker = await repeated(() => openOpenly(options, time));
    const { backend, connection, generations, keeper } = worker;
    const sequences: number[] = [];
    const append = async (): Promise<void> => {
      const commit = commitOf(`c${sequences.length}`);
      sequences.push(await repeated(() => backend.journal.append('t', sequences.at(-1) ?? 0, commit)));
    };
    await append();
    const hash = await repeated(() => backend.blobs.put('x'.repeat(100_000)));
    await repeated(() => backend.journal.append('over', 0, commitOf('over', { closing: true })));
    await repeated(async () => generations.turnOver(await generations.newest()));
    await append();
    time.pass(3 * HOUR);
    await repeated(() => keeper.look());
    expect(await repeated(() => worker.journals())).not.toContain('TASKCHART_JOURNAL_1');
    for (const server of servers) {
      await append();
      await server.end('SIGKILL');
      await append();
      await server.start();
      await append();
      await healed(connection);
    }
    const commits = await repeated(() => collect(backend.journal.read('t')));
    expect(commits.map(({ sequence }) => sequence)).toEqual(sequences);
    expect(await repeated(() => backend.journal.last('over'))).toBeUndefined();
    expect(await repeated(() => backend.blobs.read(hash))).toBeUndefined();
  });
});

import { execFile } from 'node:child_process';
import { chown, glob, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Binary, unpackedFromDebian } from './debian.ts';
import { freePort, type Server, startServer } from './server.ts';

const run = promisify(execFile);

/** PostgreSQL refuses to run as root: then it runs as `nobody`. */
const NOBODY = 65_534;

/** With its own default settings, which sync each commit, but for memory and connections. */
export async function startPostgres(folder: string): Promise<Server> {
  const { path, env } = await binary();
  const data = join(folder, 'data');
  const uid = process.getuid?.() === 0 ? NOBODY : undefined;
  await mkdir(data);
  if (uid !== undefined) {
    for (const each of [folder, data]) await chown(each, uid, uid);
  }
  const initdb = join(dirname(path), 'initdb');
  const how = ['--pgdata', data, '--username=bench', '--auth=trust', '--encoding=UTF8', '--locale=C'];
  await run(initdb, [...how, '--no-sync'], {
    env: { ...process.env, ...env },
    cwd: '/',
    ...(uid !== undefined && { uid, gid: uid }),
  });
  const port = await freePort();
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: '200',
    shared_buffers: '1GB',
  };
  return startServer(`postgresql://bench@127.0.0.1:${port}/postgres`, {
    command: path,
    args: ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    env,
    uid,
    ready: /database system is ready to accept connections/,
    // Does not wait for those who are connected.
    endBy: 'SIGINT',
  });
}

/** The newest that is installed. Its programs find each other and their data from where they lie. */
async function binary(): Promise<Binary> {
  const version = (path: string) => Number(/postgresql\/(\d+)/.exec(path)?.[1]);
  const installed = await Array.fromAsync(glob('/usr/lib/postgresql/*/bin/postgres'));
  const [newest] = installed.toSorted((a, b) => version(b) - version(a));
  if (newest) return { path: newest, env: {} };
  return unpackedFromDebian({ name: 'postgresql', program: 'usr/lib/postgresql/*/bin/postgres' });
}

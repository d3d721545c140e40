import { type Binary, unpackedFromDebian } from './debian.ts';
import { installedVersion } from './installed.ts';
import { freePort, type Server, startServer } from './server.ts';

/** @param fsync When what was appended is synced: each second, or before each answer. */
export async function startRedis(folder: string, fsync: 'everysec' | 'always'): Promise<Server> {
  const { path, env } = await binary();
  const port = await freePort();
  const settings = {
    bind: '127.0.0.1',
    port: String(port),
    dir: folder,
    appendonly: 'yes',
    appendfsync: fsync,
    'maxmemory-policy': 'noeviction',
    save: '',
  };
  return startServer(`redis://127.0.0.1:${port}`, {
    command: path,
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    env,
    ready: /Ready to accept connections/,
  });
}

async function binary(): Promise<Binary> {
  if (await installedVersion('redis-server')) return { path: 'redis-server', env: {} };
  return unpackedFromDebian({ name: 'redis-server', program: 'usr/bin/redis-server' });
}

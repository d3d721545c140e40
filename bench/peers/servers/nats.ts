import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Binary, unpackedFromDebian } from './debian.ts';
import { installedVersion } from './installed.ts';
import { freePort, type Server, startServer } from './server.ts';

/**
 * @param sync `always`: synced before each acknowledgement. `default`: every two minutes.
 * @param program Its program. @default one that knows `sync_interval`, from PATH or from Debian
 */
export async function startNats(
  folder: string,
  sync: 'default' | 'always',
  program?: string,
): Promise<Server> {
  const { path, env } = program === undefined ? await binary() : { path: program, env: {} };
  const port = await freePort();
  const file = join(folder, 'nats.conf');
  const jetstream = [`store_dir: "${folder}"`, ...(sync === 'always' ? ['sync_interval: always'] : [])];
  await writeFile(file, `listen: "127.0.0.1:${port}"\njetstream { ${jetstream.join('\n')} }\n`);
  return startServer(`nats://127.0.0.1:${port}`, {
    command: path,
    args: ['-c', file],
    env,
    ready: /Server is ready/,
  });
}

/** `sync_interval: always` needs 2.10; Debian has that from its release 13 on. */
async function binary(): Promise<Binary> {
  const [major = 0, minor = 0] = ((await installedVersion('nats-server')) ?? '').split('.').map(Number);
  if (major > 2 || (major === 2 && minor >= 10)) return { path: 'nats-server', env: {} };
  return unpackedFromDebian({ name: 'nats-server', program: 'usr/sbin/nats-server', release: 'trixie' });
}

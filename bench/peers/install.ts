import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));

/** Installs the peers here, if what is installed is not what the lock file says. @throws npm could not. */
export async function installPeers(): Promise<void> {
  const changed = (file: string) =>
    stat(new URL(file, import.meta.url)).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    );
  if ((await changed('./node_modules/.package-lock.json')) > (await changed('./package-lock.json'))) return;
  console.error('Installing the peers …');
  // Standard output is the table's.
  const npm = spawn('npm', ['ci', '--prefix', folder], { stdio: ['ignore', 2, 'inherit'] });
  const [code] = await once(npm, 'close');
  if (code !== 0) throw new Error(`npm could not install the peers in ${folder} (${code}).`);
}

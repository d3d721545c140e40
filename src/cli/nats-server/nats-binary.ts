/**
 * Where a nats-server is to be had: on PATH, else in the project's cache, unpacked there from Debian's package. That needs
 * no root and changes nothing of the system, also where no package lists are: then apt keeps some of our own.
 */
import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const cache = fileURLToPath(new URL('../../../node_modules/.cache/taskchart/', import.meta.url));
const folder = join(cache, 'nats-server');
const unpacked = join(folder, 'usr/sbin/nats-server');

/** The path of a nats-server, or its name if it is on PATH. @throws There is none, and it could not be had. */
export async function natsBinary(): Promise<string> {
  if (await runs('nats-server')) return 'nats-server';
  if (!(await runs(unpacked))) await unpack();
  return unpacked;
}

async function runs(binary: string): Promise<boolean> {
  try {
    await run(binary, ['--version']);
    return true;
  } catch {
    return false;
  }
}

/** Several processes may do so at once: each in a folder of its own, and the first one's stays. */
async function unpack(): Promise<void> {
  await mkdir(cache, { recursive: true });
  const workplace = await mkdtemp(join(cache, 'unpacking-'));
  try {
    const result = join(workplace, 'result');
    await run('dpkg', ['-x', await download(workplace), result]);
    await rename(result, folder).catch(async (error: unknown) => {
      if (!(await runs(unpacked))) throw error;
    });
    await access(unpacked);
  } catch (error) {
    throw new Error(
      'A nats-server is needed, which is not on PATH and could not be taken from Debian. ' +
        'Run `apt-get install nats-server`, or put a nats-server of 2.9 or later from https://nats.io/download on PATH.',
      { cause: error },
    );
  } finally {
    await rm(workplace, { recursive: true, force: true });
  }
}

/** @returns The package's file. */
async function download(workplace: string): Promise<string> {
  const apt = (...args: string[]) => run('apt-get', args, { cwd: workplace });
  try {
    await apt('download', 'nats-server');
  } catch {
    for (const place of ['lists/partial', 'cache/archives/partial']) {
      await mkdir(join(workplace, place), { recursive: true });
    }
    const places = [
      `Dir::State::lists=${join(workplace, 'lists')}`,
      `Dir::Cache=${join(workplace, 'cache')}`,
      'APT::Sandbox::User=root',
    ].flatMap((option) => ['-o', option]);
    await apt(...places, 'update');
    await apt(...places, 'download', 'nats-server');
  }
  const { stdout } = await run('find', [workplace, '-maxdepth', '1', '-name', 'nats-server_*.deb']);
  return stdout.trim();
}

/**
 * Takes servers from Debian's packages without root and without changing the system: downloaded with what they need that is not
 * there, and unpacked into the project's cache.
 */
import { execFile } from 'node:child_process';
import { access, glob, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const cache = fileURLToPath(new URL('../../../node_modules/.cache/taskchart/debian/', import.meta.url));
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** A server's program, and what it must have in its environment. */
export interface Binary {
  readonly path: string;
  readonly env: NodeJS.ProcessEnv;
}

export interface DebianPackage {
  readonly name: string;
  /** Where the program lies in it; `*` stands for any part of a name. */
  readonly program: string;
  /** Of another release than this system's. */
  readonly release?: string;
}

/** @throws It could not be had: with what to do. */
export async function unpackedFromDebian(wanted: DebianPackage): Promise<Binary> {
  const folder = join(cache, wanted.release ? `${wanted.name}-${wanted.release}` : wanted.name);
  const found = await programIn(folder, wanted);
  if (found) return found;
  await mkdir(cache, { recursive: true });
  const workplace = await mkdtemp(join(cache, 'unpacking-'));
  try {
    const result = join(workplace, 'result');
    for (const file of await download(wanted, workplace)) await run('dpkg', ['-x', file, result]);
    await rename(result, folder).catch(async (error: unknown) => {
      if (!(await programIn(folder, wanted))) throw error;
    });
    const unpacked = await programIn(folder, wanted);
    if (unpacked) return unpacked;
    throw new Error(`The package has no ${wanted.program}.`);
  } catch (error) {
    throw new Error(
      `The benchmark needs ${wanted.name}, which is not installed and could not be taken from Debian. ` +
        'Install it, or leave out the systems that need it: --systems.',
      { cause: error },
    );
  } finally {
    await rm(workplace, { recursive: true, force: true });
  }
}

async function programIn(folder: string, { program }: DebianPackage): Promise<Binary | undefined> {
  const libraries = await Array.fromAsync(glob('usr/lib/*-linux-*', { cwd: folder }));
  const env = { LD_LIBRARY_PATH: libraries.map((each) => join(folder, each)).join(':') };
  for await (const path of glob(program, { cwd: folder })) return { path: join(folder, path), env };
  return undefined;
}

/** @returns The files of the package and of what it needs. */
async function download({ name, release }: DebianPackage, workplace: string): Promise<string[]> {
  for (const place of ['lists/partial', 'cache/archives/partial']) {
    await mkdir(join(workplace, place), { recursive: true });
  }
  const settings = [
    `Dir::Cache=${join(workplace, 'cache')}`,
    'Debug::NoLocking=1',
    'APT::Sandbox::User=root',
  ];
  const apt = (...args: string[]) =>
    run('apt-get', [...settings.flatMap((each) => ['-o', each]), ...args], { cwd: workplace });
  if (release) {
    // Alone what it needs is there: programs of another release are taken without their libraries.
    const list = join(workplace, 'sources.list');
    await access(KEYRING);
    await writeFile(list, `deb [signed-by=${KEYRING}] ${await mirror()} ${release} main\n`);
    settings.push(`Dir::State::lists=${join(workplace, 'lists')}`, `Dir::Etc::SourceList=${list}`);
    settings.push('Dir::Etc::SourceParts=/dev/null');
    await apt('update');
    await apt('download', name);
    return files(workplace, '*.deb');
  }
  const install = ['install', '--download-only', '--yes', '--no-install-recommends', name];
  try {
    await apt(...install);
  } catch {
    settings.push(`Dir::State::lists=${join(workplace, 'lists')}`);
    await apt('update');
    await apt(...install);
  }
  return files(workplace, 'cache/archives/*.deb');
}

async function files(workplace: string, pattern: string): Promise<string[]> {
  const found = await Array.fromAsync(glob(pattern, { cwd: workplace }));
  return found.map((file) => join(workplace, file));
}

/** Where this system takes Debian from. */
async function mirror(): Promise<string> {
  const { stdout } = await run('apt-get', [
    'indextargets',
    '--format',
    '$(ORIGIN) $(REPO_URI)',
    'Created-By: Packages',
  ]);
  const line = stdout.split('\n').find((each) => each.startsWith('Debian ') && !each.includes('security'));
  const uri = line?.split(' ').at(-1);
  if (uri) return uri;
  throw new Error('This system has no lists of Debian’s packages: run `apt-get update`.');
}

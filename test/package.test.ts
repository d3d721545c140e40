import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));

test('every subpath that the package exports can be imported from what was built', async () => {
  const subpaths = Object.keys(manifest.exports).filter((path) => path !== './package.json');
  const names = subpaths.map((path) => JSON.stringify(join('taskchart', path)));
  const program = `for (const name of [${names}]) console.log(name, Object.keys(await import(name)).length > 0);`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], { cwd: root });
  expect(stdout.trim().split('\n')).toEqual(subpaths.map((path) => `${join('taskchart', path)} true`));
});

test('the package holds what was built and nothing of the tests', async () => {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root });
  const [{ files }] = Object.values(JSON.parse(stdout)) as [{ files: { path: string }[] }];
  const paths = files.map(({ path }) => path);
  expect(paths).toContain('dist/src/index.js');
  expect(paths).toContain('dist/src/index.d.ts');
  expect(paths.filter((path) => /(^|\/)(test|bench|examples)\//.test(path))).toEqual([]);
});

test('the lock file holds no download addresses', async () => {
  expect(await readFile(join(root, 'package-lock.json'), 'utf8')).not.toContain('"resolved"');
});

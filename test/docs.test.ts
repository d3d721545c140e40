import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/** What the README and the docs show is compiled and run, against the package as it is published. */
const run = promisify(execFile);
const root = join(import.meta.dirname, '..');

interface Block {
  readonly document: string;
  readonly file: string;
  readonly code: string;
}

const documents = [
  'README.md',
  ...(await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
];
const texts = new Map(
  await Promise.all(documents.map(async (name) => [name, await readFile(join(root, name), 'utf8')] as const)),
);

/** ```` ```ts ```` begins a block that stands alone; a name behind it is the file that others import it as. */
const blocks: Block[] = [...texts].flatMap(([document, text]) =>
  [...text.matchAll(/^```ts(?: (\S+))?\n(.*?)^```$/gms)].map(([, name, code = ''], index) => ({
    document,
    file: name ?? `${document.replace(/\W+/g, '-')}-${index + 1}.ts`,
    code,
  })),
);

let folder: string;

beforeAll(async () => {
  // Inside the package, so that its own name leads to what it publishes.
  folder = await mkdtemp(join(root, 'test', '.docs-'));
  await Promise.all(blocks.map(({ file, code }) => writeFile(join(folder, file), code)));
});

afterAll(() => rm(folder, { recursive: true }));

test('every example compiles for one who installed the package', { timeout: 60_000 }, async () => {
  const compilerOptions = {
    target: 'es2024',
    lib: ['esnext', 'dom'],
    module: 'nodenext',
    types: ['node'],
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    allowImportingTsExtensions: true,
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  const { stdout } = await run(join(root, 'node_modules/.bin/tsc'), ['-p', folder]).catch((error) => error);
  expect(stdout).toBe('');
});

describe('every example runs and prints what it says', () => {
  test.each(blocks.map((block) => [`${block.document}, ${block.file}`, block] as const))(
    '%s',
    { timeout: 30_000 },
    async (_, { file, code }) => {
      const { stdout } = await run(process.execPath, [join(folder, file)], { cwd: folder });
      for (const [, promised = ''] of code.matchAll(/^\s*console\.log\(.*\); \/\/ (\S.*\S)$/gm)) {
        expect(stdout).toContain(promised);
      }
    },
  );
});

test('every script that the documents name is there', async () => {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const named = [...texts.values()].flatMap((text) =>
    [...text.matchAll(/npm run (?:-s )?([\w:]+)/g)].map(([, name]) => name),
  );
  expect(named).not.toHaveLength(0);
  for (const name of named) expect(scripts).toHaveProperty([name ?? '']);
});

test('every file that the documents link to is there', async () => {
  for (const [document, text] of texts) {
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      const path = join(root, document, '..', target);
      await expect(
        readdir(path).catch(() => readFile(path)),
        `${target} in ${document}`,
      ).resolves.toBeDefined();
    }
  }
});

test('the examples folder runs', { timeout: 30_000 }, async () => {
  const outputs = await Promise.all(
    ['embed.ts', 'first-task.ts'].map(
      async (file) => (await run(process.execPath, [join(root, 'examples', file)])).stdout,
    ),
  );
  expect(outputs[0]).toContain('{"fetching":{"fetch_cart":"running","fetch_products":"running"}}');
  expect(outputs[0]).toContain('total: 39');
  expect(outputs[1]).toContain("{ shout: 'HELLO, ADA!' }");
});

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { startDemoShop } from '../../../src/shop/demo/index.ts';
import { ask, keyFor } from './shop-in-tests.ts';

const main = fileURLToPath(new URL('../../../src/shop/demo/main.ts', import.meta.url));

interface Run {
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** The first group of the pattern, once stdout matches it. */
  said(pattern: RegExp): Promise<string>;
}

function run(args: readonly string[], env: Record<string, string> = {}): Run {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, SHOP_PORT: '0', SHOP_HOST: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  const ended = once(child, 'close').then(([code, signal]) => code ?? signal);
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const said = async (pattern: RegExp) => {
    for (;;) {
      const found = pattern.exec(output.stdout)?.[1];
      if (found !== undefined) return found;
      const more = await Promise.race([once(child.stdout, 'data'), ended.then(() => undefined)]);
      if (more === undefined)
        throw new Error(`It ended without saying ${pattern}: ${JSON.stringify(output)}`);
    }
  };
  return { child, output, ended, said };
}

const listening = /listens on (http:\/\/\S+) /;

test.each(['SIGTERM', 'SIGINT'] as const)(
  'says where it is, answers, and %s closes it at once',
  async (signal) => {
    const { child, output, ended, said } = run(['--faults', 'many', '--seed', '3']);
    const url = await said(listening);
    expect(output.stdout).toContain('(faults: many, seed: 3)');
    expect(await said(/(\S+\/carts\/2)\n/)).toBe(`${url}/carts/2`);
    expect(await (await ask({ url }, '/carts/2')).json()).toMatchObject({ id: 2, total: 175.95 });

    const client = new AbortController();
    onTestFinished(() => client.abort());
    const hanging = ask({ url }, '/carts/2', keyFor('hang', 3), client.signal);
    const cut = expect(hanging).rejects.toThrow('fetch failed');
    // A second answer over the wire: the shop has read the request before it by then, or will when it is cut.
    await (await ask({ url }, '/carts/2')).text();
    child.kill(signal);
    expect(await ended).toBe(0);
    await cut;
    expect(output.stdout).toMatch(new RegExp(`${signal}: the demo shop is closed. It got [23] calls.`));
    expect(output.stderr).toBe('');
  },
);

test('--help says what there is', async () => {
  const { output, ended } = run(['--help']);
  expect(await ended).toBe(0);
  for (const word of ['--faults', '--seed', 'SHOP_PORT', 'SHOP_HOST', '4500'])
    expect(output.stdout).toContain(word);
});

test.each<[string[], Record<string, string>, string]>([
  [['--faults', 'lots'], {}, "--faults is 'lots': expected one of none, some, many.\n"],
  [['--fault', 'none'], {}, "An option is '--fault': expected --faults, --seed or --help.\n"],
  [
    [],
    { SHOP_PORT: 'shop' },
    "SHOP_PORT is 'shop': expected a whole number from 0 (any free port) to 65535.\n",
  ],
])('%j %j is refused', async (args, env, message) => {
  const { output, ended } = run(args, env);
  expect(await ended).toBe(2);
  expect(output).toEqual({ stdout: '', stderr: message });
});

test('a port that is taken', async () => {
  await using shop = await startDemoShop();
  const { port } = new URL(shop.url);
  const { output, ended } = run([], { SHOP_PORT: port });
  expect(await ended).toBe(1);
  expect(output.stderr).toBe(
    `Port ${port} of 127.0.0.1 is taken: stop what listens there, or set SHOP_PORT to another port.\n`,
  );
});

test('an address that is not of this machine', async () => {
  const { output, ended } = run([], { SHOP_HOST: '192.0.2.1' });
  expect(await ended).toBe(1);
  expect(output.stderr).toContain('Cannot listen on port 0 of 192.0.2.1: ');
});

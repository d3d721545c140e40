import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { orderCreatedSchema } from '../../machines/order/index.ts';
import { demoCarts, startDemoShop } from '../../src/shop/demo/index.ts';
import { makeFolder } from '../backends/sqlite/folder.ts';

const run = promisify(execFile);
const main = join(import.meta.dirname, '../../src/cli/demo/main.ts');

interface Outcome {
  readonly id: string;
  readonly status: string;
  readonly order?: { readonly discounted_total: number };
  readonly error?: { readonly code: string };
}

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function demo(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const options = { env: { ...process.env, ...env }, maxBuffer: 2 ** 26 };
  return run(process.execPath, [main, ...args], options).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: Ended) => ({ code, stdout, stderr }),
  );
}

/** The demo as a person runs it, all of its carts. */
const whole = demo([]);
const wholeAsJson = demo(['--json']);

describe('npm run demo', { timeout: 60_000 }, () => {
  test('runs every cart to the end that it should have, and exits with 0', async () => {
    const { code, stdout, stderr } = await whole;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Every order ended as it should.');
    for (const { id } of demoCarts) expect(stdout).toContain(`demo-${id} `);
  });

  test('shows each step as it goes, failed attempts included, in plain lines where there is no terminal', async () => {
    const { stdout } = await whole;
    expect(stdout).toMatch(/^demo-2: fetch_cart running$/m);
    expect(stdout).toMatch(/^demo-2: publish_event complete$/m);
    expect(stdout).toMatch(/^demo-\d+: fetch_\w+ failed, attempt \d \(.+\)\. Again in \d+ ms\.$/m);
    expect(stdout).not.toContain('\u001b[');
  });

  test('tells the totals, the reasons for refusal, and what was published', async () => {
    const { stdout } = await whole;
    expect(stdout).toMatch(/demo-2 .* 175\.95 .* 164\.20 /);
    expect(stdout).toMatch(/demo-15 .* Empty +│\n.* rejected: cart 15 is empty/);
    expect(stdout).toContain('order.created  order-demo-2  164.20');
  });

  test('fails attempts on purpose: some steps take more than one', async () => {
    const { tasks } = JSON.parse((await wholeAsJson).stdout);
    const attempts = tasks.flatMap(({ steps }: { steps: object }) =>
      Object.values(steps).map((step) => step.attempts),
    );
    expect(Math.max(...attempts)).toBe(3);
  });

  test('with --json prints one object and nothing else: tasks and CloudEvents', async () => {
    const { code, stdout, stderr } = await wholeAsJson;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { tasks, events, ...rest } = JSON.parse(stdout);
    expect(rest).toEqual({});
    expect(tasks).toHaveLength(demoCarts.length);
    expect(tasks[1]).toMatchObject({
      id: 'demo-2',
      cart_id: 2,
      status: 'complete',
      order: { total: 175.95, discounted_total: 164.2, status: 'placed_pending_fulfillment' },
      steps: { publish_event: { status: 'complete', attempts: 1 } },
    });
    const complete = tasks.filter(({ status }: { status: string }) => status === 'complete');
    const published = events.map((event: unknown) => orderCreatedSchema.parse(event).data.id);
    expect(published.toSorted()).toEqual(
      complete.map(({ order }: { order: { id: string } }) => order.id).toSorted(),
    );
  });

  test('orders the carts that it is told to, one twice as two orders', async () => {
    const { code, stdout } = await demo(['--json', '--carts', '2,15,2']);
    expect(code).toBe(0);
    const { tasks } = JSON.parse(stdout);
    expect(tasks.map(({ id, status }: { id: string; status: string }) => [id, status])).toEqual([
      ['demo-2', 'complete'],
      ['demo-15', 'error'],
      ['demo-2-2', 'complete'],
    ]);
  });

  test('orders from another shop; then it is enough that every order ends', async () => {
    await using shop = await startDemoShop({ faults: 'none' });
    const { code, stdout } = await demo(['--json', '--carts', '1,999'], { SHOP_URL: `${shop.url}/` });
    expect(code).toBe(0);
    expect(JSON.parse(stdout).tasks).toMatchObject([
      { status: 'complete' },
      { status: 'error', error: { code: 'http_404' } },
    ]);
    expect(shop.calls.length).toBeGreaterThan(0);
  });

  test.each([
    [
      ['--carts', '1,x'],
      {},
      '--carts: expected whole numbers with commas between them, such as 1,2,3 (it is "1,x")',
    ],
    [['--carts', '0'], {}, '--carts'],
    [['--cart', '1'], {}, "Unknown option '--cart'"],
    [['--json=yes'], {}, '--json'],
    [['--data', ':memory:'], {}, '--data: expected the path of a file'],
    [[], { SHOP_URL: 'ftp://shop' }, 'SHOP_URL: expected an http or https URL'],
    [[], { SHOP_URL: 'http://me:pw@shop/?a=1' }, '(it is "http://shop/?a=1")'],
  ])('refuses %j %j and exits with 2', async (args, env, sentence) => {
    const { code, stdout, stderr } = await demo(args, env as Record<string, string>);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(sentence);
  });

  test('ends quietly when nobody reads along any more', async () => {
    const child = spawn(process.execPath, [main, '--carts', '2'], { stdio: ['ignore', 'pipe', 'pipe'] });
    const exited = once(child, 'exit');
    let stderr = '';
    child.stderr.on('data', (text) => (stderr += text));
    await once(child.stdout, 'data');
    child.stdout.destroy();
    expect(await exited).toEqual([0, null]);
    expect(stderr).toBe('');
  });

  test('kept in a file and killed again and again, it goes on where it was, to the same end', async () => {
    const data = join(makeFolder(), 'demo.db');
    const killAfter = async (lines: number) => {
      const child = spawn(process.execPath, [main, '--data', data], { stdio: ['ignore', 'pipe', 'inherit'] });
      const closed = once(child, 'close');
      let seen = 0;
      for await (const _ of createInterface({ input: child.stdout })) {
        seen += 1;
        if (seen === lines) child.kill('SIGKILL');
      }
      expect(await closed).toEqual([null, 'SIGKILL']);
    };
    await killAfter(30);
    await killAfter(60);
    const { code, stdout, stderr } = await demo(['--data', data]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Found in .*demo\.db: \d+ of 29 orders, of which \d+ have ended\. Going on\.$/m);
    expect(stdout).toContain('Every order ended as it should.');

    const again = await demo(['--json', '--data', data]);
    expect(again.code).toBe(0);
    const { tasks, events } = JSON.parse(again.stdout);
    const unkilled = JSON.parse((await wholeAsJson).stdout);
    const outcome = ({ id, status, order, error }: Outcome) => [
      id,
      status,
      order?.discounted_total,
      error?.code,
    ];
    expect(tasks.map(outcome)).toEqual(unkilled.tasks.map(outcome));
    const ids = (all: { data: { id: string } }[]) => all.map((event) => event.data.id).toSorted();
    expect(ids(events)).toEqual(ids(unkilled.events));
  });

  test('of a file that cannot be used says why, and exits with 4', async () => {
    const { code, stdout, stderr } = await demo(['--data', makeFolder()]);
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(stderr).toMatch(/^--data: The file .* is a directory\. .*\n$/);
  });

  test('tells how it is used', async () => {
    const { code, stdout } = await demo(['--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('--carts');
  });

  test('stops at Ctrl-C, with the exit code of it, and leaves no file behind', async () => {
    const folder = makeFolder();
    const child: ChildProcess = spawn(process.execPath, [main, '--carts', '28'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, TMPDIR: folder },
    });
    const exited = once(child, 'exit');
    if (child.stdout) await once(child.stdout, 'data');
    child.kill('SIGINT');
    expect(await exited).toEqual([130, null]);
    expect(await readdir(folder)).toEqual([]);
  });
});

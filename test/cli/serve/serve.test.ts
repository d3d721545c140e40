import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeFolder } from '../../backends/sqlite/folder.ts';
import { ask, post } from '../../http/stand.ts';
import { openAsked, ownTasks } from './asked.ts';
import { start } from './program.ts';

const order = { id: 'order-1', name: 'order', context: { cart_id: 1 }, initiator: 'test' };

describe('npm start', { timeout: 60_000 }, () => {
  test('runs orders from its own demo shop, logs each change in a line, drains at SIGTERM, and remembers all', async () => {
    const env = { TASKCHART_DATA: join(makeFolder(), 'kept.db') };
    await using first = start(env);
    const url = await first.url();
    expect(await ask(`${url}/health/ready`)).toMatchObject({ status: 200 });
    expect(await post(`${url}/tasks`, order)).toMatchObject({ status: 202 });
    await first.line(({ task, step, status }) => task === 'order-1' && !step && status === 'complete');
    const before = await ask(`${url}/tasks/order-1`);
    expect(before).toMatchObject({ status: 200, body: { status: 'complete', context: { cart_id: 1 } } });
    first.child.kill('SIGTERM');
    expect(await first.closed).toMatchObject({ code: 0, stderr: '' });
    const lines = first.lines.all;
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'info',
        task: 'order-1',
        name: 'order',
        step: 'create_order',
        attempt: 1,
        status: 'complete',
        msg: 'order order-1: create_order complete',
      }),
    );
    expect(lines.slice(-2).map(({ msg }) => msg)).toEqual(['draining', 'drained']);

    await using second = start(env);
    const again = await second.url();
    expect(await ask(`${again}/tasks/order-1`)).toMatchObject({ body: before.body });
    expect(await post(`${again}/tasks`, order)).toMatchObject({ status: 200, body: { duplicate: true } });
    second.child.kill('SIGINT');
    expect(await second.closed).toMatchObject({ code: 0 });
  });

  test('killed in the middle of a task of one’s own, it goes on when it is started again', async () => {
    const asked = await openAsked();
    const env = { TASKCHART_DATA: join(makeFolder(), 'kept.db'), TASKCHART_TASKS: ownTasks };
    await using first = start(env);
    await post(`${await first.url()}/tasks`, { id: 'a', name: 'ask', context: { url: asked.url } });
    await asked.calls.next();
    await first.line(({ step, status }) => step === 'first' && status === 'complete');
    first.child.kill('SIGKILL');
    expect(await first.closed).toMatchObject({ signal: 'SIGKILL' });

    await using second = start(env);
    const { key, answer } = await asked.calls.next();
    expect(key).toBe('a/ask');
    answer.end('well');
    await second.line(({ task, step, status }) => task === 'a' && !step && status === 'complete');
    const { body } = await ask(`${urlOf(second)}/tasks/a`);
    expect(body).toMatchObject({
      status: 'complete',
      output: { ask: 'well' },
      steps: { first: { attempts: 1 } },
    });
    // What was told before it was killed is not told again.
    expect(second.lines.all.filter(({ step }) => step === 'first')).toEqual([]);
  });

  test('while it drains it says that it is not ready, answers all the same, and lets the task come to its end', async () => {
    const asked = await openAsked();
    const env = { TASKCHART_DATA: join(makeFolder(), 'kept.db'), TASKCHART_TASKS: ownTasks };
    await using program = start(env);
    const url = await program.url();
    await post(`${url}/tasks`, { id: 'a', name: 'ask', context: { url: asked.url } });
    const { answer } = await asked.calls.next();
    program.child.kill('SIGTERM');
    await program.line(({ msg }) => msg === 'draining');
    expect(await ask(`${url}/health/ready`)).toMatchObject({
      status: 503,
      body: { parts: { service: 'draining', backend: 'answering' } },
    });
    expect(await ask(`${url}/health/live`)).toMatchObject({ status: 200 });
    expect(await ask(`${url}/tasks/a`)).toMatchObject({ status: 200, body: { status: 'running' } });
    answer.end('well');
    expect(await program.closed).toMatchObject({ code: 0 });
    expect(program.lines.all.at(-1)).toMatchObject({ msg: 'drained', handed_back: 0 });
  });

  test('a second signal ends it at once', async () => {
    const asked = await openAsked();
    await using program = start({ TASKCHART_DATA: join(makeFolder(), 'kept.db'), TASKCHART_TASKS: ownTasks });
    await post(`${await program.url()}/tasks`, { name: 'ask', context: { url: asked.url } });
    await asked.calls.next();
    program.child.kill('SIGTERM');
    await program.line(({ msg }) => msg === 'draining');
    program.child.kill('SIGTERM');
    expect(await program.closed).toMatchObject({ signal: 'SIGTERM' });
  });

  test('that nobody reads any more goes on, and ends in order', async () => {
    await using program = start({ TASKCHART_DATA: join(makeFolder(), 'kept.db') });
    const url = await program.url();
    program.child.stdout.destroy();
    expect(await post(`${url}/tasks`, order)).toMatchObject({ status: 202 });
    let status: unknown;
    while (status !== 'complete') status = (await ask(`${url}/tasks/order-1`)).body.status;
    program.child.kill('SIGTERM');
    expect(await program.closed).toMatchObject({ code: 0, stderr: '' });
  });

  test('with a token it may listen to others, and asks for it', async () => {
    await using program = start({
      TASKCHART_DATA: join(makeFolder(), 'kept.db'),
      TASKCHART_HOST: '0.0.0.0',
      TASKCHART_TOKEN: 'a-token-of-24-characters',
    });
    const { port } = new URL(await program.url());
    const url = `http://127.0.0.1:${port}/tasks`;
    expect(await post(url, order)).toMatchObject({ status: 401 });
    const headers = { authorization: 'Bearer a-token-of-24-characters' };
    expect(await post(url, order, headers)).toMatchObject({ status: 202 });
    expect(JSON.stringify(program.lines.all)).not.toContain('a-token');
  });
});

describe('npm start is refused, with a sentence and an exit code', { timeout: 30_000 }, () => {
  test('a module with tasks that is none: 2', async () => {
    const env = { TASKCHART_DATA: join(makeFolder(), 'a.db') };
    const modules = [join(import.meta.dirname, 'none.ts'), join(import.meta.dirname, 'program.ts')];
    const ended = await Promise.all(
      modules.map((module) => start({ ...env, TASKCHART_TASKS: module }).closed),
    );
    for (const { code, stdout } of ended) expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(ended[0]?.stderr).toMatch(/^TASKCHART_TASKS: Cannot find module .*none\.ts"\)\n$/);
    expect(ended[1]?.stderr).toMatch(
      /^TASKCHART_TASKS: expected a module whose default export is an array of tasks, .* is missing\)\n$/,
    );
  });

  test('variables that cannot be taken, all of them at once, a line each: 2', async () => {
    const env = { TASKCHART_PORT: '-1', TASKCHART_DATA: 'file:a', SHOP_URL: 'shop' };
    const { code, stderr } = await start(env).closed;
    expect(code).toBe(2);
    expect(
      stderr
        .trim()
        .split('\n')
        .map((line) => line.split(':')[0]),
    ).toEqual(['TASKCHART_PORT', 'TASKCHART_DATA', 'SHOP_URL']);
  });

  test('an argument: 2, and how it is used: 0', async () => {
    expect(await start({}, { args: ['--prot', '1'] }).closed).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("Unknown option '--prot'"),
    });
    expect(await start({}, { args: ['--help'] }).closed).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('TASKCHART_DATA'),
    });
  });

  test('a port that is taken: 3, and no data file is made', async () => {
    const { url } = await openAsked();
    const { port } = new URL(url);
    const folder = makeFolder();
    const env = { TASKCHART_PORT: port, TASKCHART_DATA: join(folder, 'a.db') };
    expect(await start(env).closed).toMatchObject({
      code: 3,
      stderr: `The port ${port} of 127.0.0.1 is taken: stop what listens there, or set TASKCHART_PORT to another.\n`,
    });
    expect(await readdir(folder)).toEqual([]);
  });

  test('a data file in use: 4, by whom', async () => {
    const env = { TASKCHART_DATA: join(makeFolder(), 'a.db') };
    await using first = start(env);
    await first.url();
    const { code, stderr } = await start(env).closed;
    expect(code).toBe(4);
    expect(stderr).toMatch(
      new RegExp(`^The file .*a\\.db is in use by process ${first.child.pid} on .* \\(TASKCHART_DATA\\)\\n$`),
    );
  });

  test.each<[string, (folder: string) => Promise<string> | string, string]>([
    ['a folder', (folder) => folder, 'is a directory.'],
    ['in no folder', (folder) => join(folder, 'no', 'a.db'), 'there is no folder'],
    [
      'no database',
      async (folder) => {
        const file = join(folder, 'letter.txt');
        await writeFile(file, 'Dear reader, this is no database. '.repeat(100));
        return file;
      },
      'is no SQLite database',
    ],
  ])('a data file that is %s: 4', async (_, make, sentence) => {
    const { code, stderr } = await start({ TASKCHART_DATA: await make(makeFolder()) }).closed;
    expect(code).toBe(4);
    expect(stderr).toContain(sentence);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});

function urlOf({ lines }: ReturnType<typeof start>): string {
  return String(lines.all.find(({ url }) => url !== undefined)?.url);
}

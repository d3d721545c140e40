import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parseCrashOptions } from '../../../src/cli/crash/options.ts';
import { type CrashRun, runCrash } from '../../../src/cli/crash/run.ts';

const run = promisify(execFile);
const main = join(import.meta.dirname, '../../../src/cli/crash/main.ts');

async function crash(...args: string[]) {
  return run(process.execPath, [main, ...args]).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );
}

describe('npm run crash', () => {
  test('kills, and finds nothing lost, repeated or doubled', { timeout: 240_000 }, async () => {
    const { result, verdict } = await runCrash({ kills: 20, seed: 20 });
    expect(verdict).toMatchObject({ lost: [], repeated: [], doubled: [] });
    expect(result).toMatchObject({ kills: 20, lost: 0, repeated: 0, doubled: 0 });
    expect(result.tasks).toBeGreaterThan(20);
    expect(result.worst_recovery_ms).toBeGreaterThan(0);
  });

  test('on NATS kills workers and the server, and finds nothing either', { timeout: 240_000 }, async () => {
    const { result, verdict } = await runCrash({
      backend: 'nats',
      workers: 3,
      kills: 4,
      serverKills: 1,
      seed: 1,
    });
    expect(verdict).toMatchObject({ lost: [], repeated: [], doubled: [] });
    expect(result).toMatchObject({ kills: 4, server_kills: 1, lost: 0, repeated: 0, doubled: 0 });
    expect(result.tasks).toBeGreaterThan(20);
  });

  test('with --json prints one object and nothing else', { timeout: 60_000 }, async () => {
    const { code, stdout, stderr } = await crash('--kills', '0', '--seed', '1', '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      kills: 0,
      tasks: expect.any(Number),
      lost: 0,
      repeated: 0,
      doubled: 0,
      worst_recovery_ms: 0,
    });
  });

  test.each([
    [['--kills', 'many'], '--kills: expected a whole number, 0 at least (it is "many")'],
    [['--kill', '1'], "Unknown option '--kill'"],
    [['--backend', 'redis'], '--backend: expected sqlite or nats (it is "redis")'],
    [['--workers', '2'], '--workers: expected 1 with --backend sqlite: one process has the file (it is 2)'],
    [['--server-kills', '1'], '--server-kills: expected 0 with --backend sqlite: it has no server (it is 1)'],
  ])('refuses %j', (args, sentence) => {
    expect(() => parseCrashOptions(args)).toThrow(sentence);
  });

  test('exits with 2 where an option cannot be taken', async () => {
    const { code, stdout, stderr } = await crash('--kills', '-1');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('--kills');
  });

  test('makes 20 kills unless it is told otherwise, on a file; on NATS with three workers', () => {
    const options = { kills: 20, serverKills: 0, json: false, help: false };
    expect(parseCrashOptions([])).toEqual({ ...options, backend: 'sqlite', workers: 1 });
    expect(parseCrashOptions(['--backend', 'nats'])).toEqual({ ...options, backend: 'nats', workers: 3 });
  });
});

test('the check notices a worker that has one thing wrong', { timeout: 240_000 }, async () => {
  const broken = ({ pathname: worker }: URL, patience: number): Promise<CrashRun> =>
    runCrash({ kills: 4, seed: 1, worker, patience, keep: false });
  const [writeAhead, gates, events] = await Promise.all([
    // Longer than any order waits between two attempts: what has not ended by then does not end.
    broken(new URL('./broken/write-ahead.ts', import.meta.url), 2_000),
    broken(new URL('./broken/gates.ts', import.meta.url), 1_000),
    broken(new URL('./broken/events.ts', import.meta.url), 1_000),
  ]);
  expect(writeAhead.result.lost).toBeGreaterThan(0);
  expect(gates.result.repeated).toBeGreaterThan(0);
  expect(events.result.doubled).toBeGreaterThan(0);
});

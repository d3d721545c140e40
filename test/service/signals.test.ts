import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';

const script = fileURLToPath(new URL('./stop-on-signal.ts', import.meta.url));

interface Program {
  readonly child: ChildProcess;
  /** Resolves with the next line that it prints. */
  line(): Promise<string>;
  readonly exited: Promise<[code: number | null, signal: string | null]>;
}

/** A program that waits for a signal, in one of the ways that the script knows. */
function run(way: string): Program {
  const child = spawn(process.execPath, [script, way], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    line: async () => String((await lines.next()).value),
    exited: once(child, 'exit') as Program['exited'],
  };
}

describe('a signal that asks the process to end', () => {
  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)(
    '%s drains the service: what runs comes to its end, and the exit code is %i',
    async (signal, code) => {
      const program = run('drains');
      expect(await program.line()).toBe('running');
      program.child.kill(signal);
      expect(await program.line()).toBe('drained, task complete');
      await expect(program.exited).resolves.toEqual([code, null]);
    },
  );

  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s a second time ends it as it would have without',
    async (signal) => {
      const program = run('hangs');
      expect(await program.line()).toBe('running');
      program.child.kill(signal);
      expect(await program.line()).toMatch(/^asked to stop with \d+$/);
      program.child.kill(signal);
      await expect(program.exited).resolves.toEqual([null, signal]);
    },
  );

  test('one after the other, of two kinds, the second one ends it', async () => {
    const program = run('hangs');
    expect(await program.line()).toBe('running');
    program.child.kill('SIGINT');
    expect(await program.line()).toBe('asked to stop with 130');
    program.child.kill('SIGTERM');
    await expect(program.exited).resolves.toEqual([null, 'SIGTERM']);
  });

  test('ends it as ever once the handlers were taken away', async () => {
    const program = run('removed');
    expect(await program.line()).toBe('running');
    program.child.kill('SIGTERM');
    await expect(program.exited).resolves.toEqual([null, 'SIGTERM']);
  });
});

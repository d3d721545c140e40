import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How long it takes until the tasks of a process that was killed go on. */
export interface ResumeCost {
  readonly tasks: number;
  /** From the kill until the next process takes work, in s. */
  readonly ready_s: number;
  /** From the kill until the effect of every task runs again, in s. */
  readonly resumed_s: number;
}

const program = fileURLToPath(new URL('./resume-worker.ts', import.meta.url));

/** Tasks whose effect does not come to an end are begun on a file, their process is killed, and another is started. */
export async function measureResume(tasks: number): Promise<ResumeCost> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'taskchart-bench-'));
  stack.defer(() => rm(folder, { recursive: true }));
  const start = () => fork(program, [join(folder, 'bench.db'), String(tasks)]);

  const first = start();
  stack.defer(() => void first.kill('SIGKILL'));
  await once(first, 'message');
  first.send('submit');
  await once(first, 'message');
  const died = once(first, 'exit');
  const killed = performance.now();
  first.kill('SIGKILL');
  await died;

  const second = start();
  const seconds = () => Number(((performance.now() - killed) / 1_000).toFixed(2));
  await once(second, 'message');
  const ready_s = seconds();
  await once(second, 'message');
  const resumed_s = seconds();
  const ended = once(second, 'exit');
  second.kill('SIGKILL');
  await ended;
  return { tasks, ready_s, resumed_s };
}

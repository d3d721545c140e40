import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Backend } from '../src/backends/index.ts';
import { sqliteBackend } from '../src/backends/sqlite/index.ts';

/** A backend in a file of its own, on a real disk; both go with the stack. */
export async function temporarySqlite(stack: AsyncDisposableStack): Promise<Backend> {
  const folder = await mkdtemp(join(tmpdir(), 'taskchart-bench-'));
  stack.defer(() => rm(folder, { recursive: true }));
  return stack.use(await sqliteBackend({ file: join(folder, 'bench.db') }));
}

import type { Backend } from '../port.ts';
import { backendOn } from './backend.ts';
import { openFile } from './file.ts';
import { parseSqliteOptions, type SqliteOptions } from './options.ts';

export type { SqliteOptions } from './options.ts';

/**
 * Opens a backend in one file, on Node's own SQLite: the embedded default. What it has resolved is on disk (B1): it
 * outlives the process, the system and the power, as far as the disk keeps its word about a sync.
 *
 * One backend has the file at a time. Messages that nobody acknowledged are handed over at once when it is opened
 * again, since their holder is gone; those that were handed back until a time, at their time.
 *
 * Asynchronous, as the backends over a network are, and because a lock may have to be waited for: that of a process that
 * is just dying, for a second at most.
 *
 * @throws {InvalidOptionsError} Naming each option that is not as expected.
 * @throws {FileInUseError} Another backend has the file: naming its process.
 * @throws {UnusableFileError} No folder, no permission, no database, another program's, of a newer version, damaged:
 *   naming the path and what to do. The file is as it was.
 * @example
 * import { sqliteBackend } from './src/backends/sqlite/index.ts';
 *
 * await using backend = await sqliteBackend({ file: 'taskchart.db' });
 * await backend.inbox.submit({ taskId: 'order-1', name: 'order', body: { cart_id: 1 } });
 * await backend.inbox.take({ names: ['order'], limit: 10 }, async (delivery) => {
 *   const commit = { id: 'commit-1', writer: 'worker-1', entries: [delivery.message.body] };
 *   await backend.journal.append(delivery.message.taskId, 0, commit);
 *   await delivery.acknowledge();
 * });
 */
export async function sqliteBackend(options: SqliteOptions): Promise<Backend> {
  const settings = parseSqliteOptions(options);
  return backendOn(await openFile(settings.file), settings);
}

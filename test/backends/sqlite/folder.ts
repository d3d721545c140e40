import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { SimulatedClock } from 'xstate';
import { backendOn } from '../../../src/backends/sqlite/backend.ts';
import { openFile } from '../../../src/backends/sqlite/file.ts';
import { parseSqliteOptions, type SqliteOptions } from '../../../src/backends/sqlite/options.ts';

/** A folder of the test's own, that goes with it. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'taskchart-sqlite-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A backend and what a test wants to see of it: its file, and a clock of its own. */
export async function openOpenly(options: Partial<SqliteOptions> = {}) {
  const clock = new SimulatedClock();
  clock.increment(Date.UTC(2026, 0, 1));
  const settings = parseSqliteOptions({ file: join(makeFolder(), 'test.db'), clock, ...options });
  const db = await openFile(settings.file);
  const backend = backendOn(db, settings);
  return { db, clock, settings, backend, [Symbol.asyncDispose]: () => backend.close() };
}

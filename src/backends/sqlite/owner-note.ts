/**
 * Who has the file open, written beside it for whoever finds it locked. It only gives a name: the lock is SQLite's.
 * So it may be stale, or gone, and is not believed where it names a process that is no more.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { FileOwner } from '../errors/file-in-use-error.ts';

const pathOf = (file: string): string => `${file}-owner`;

export function leaveNote(file: string): void {
  const owner: FileOwner = {
    pid: process.pid,
    hostname: hostname(),
    startedAt: new Date().toISOString(),
  };
  writeFileSync(pathOf(file), `${JSON.stringify(owner)}\n`);
}

/** To be called while the file is still locked: after that, the note may be another's. */
export function removeNote(file: string): void {
  rmSync(pathOf(file), { force: true });
}

/** Who has the file open, as far as can be told. */
export function readNote(file: string): FileOwner | undefined {
  let owner: FileOwner;
  try {
    owner = JSON.parse(readFileSync(pathOf(file), 'utf8'));
  } catch {
    return undefined;
  }
  return owner.hostname === hostname() && !isRunning(owner.pid) ? undefined : owner;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Running, but not ours to ask.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

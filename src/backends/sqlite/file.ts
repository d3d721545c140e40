/**
 * Opening and closing the file.
 *
 * Invariants:
 * - F1. One backend has the file. The lock is SQLite's own, on the file itself (`locking_mode=EXCLUSIVE`), for as long as
 *   it is open: the system drops it when the process dies, however it dies; no other program can write, or see half of
 *   what is written; there is no lock file that somebody could delete; and SQLite needs no shared memory beside the
 *   file. It holds within a process too. The price: the file cannot be read by another program meanwhile.
 * - F2. A file that is refused is left as it was: what it is, is looked at before anything is written.
 * - F3. The file is never opened but by SQLite: POSIX drops all locks of a process on a file when it closes any of its
 *   handles on it.
 * - F4. Nothing is durable by less than `synchronous=FULL`: the log is synced at each commit.
 */
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileInUseError } from '../errors/file-in-use-error.ts';
import { UnusableFileError } from '../errors/unusable-file-error.ts';
import { leaveNote, readNote, removeNote } from './owner-note.ts';
import { APPLICATION_ID, migrate, migrations, pragma, versionOf } from './schema.ts';
import { isSqliteError } from './statement.ts';

/** How often a lock is tried for that nobody alive is known to hold: who holds it may be dying, or may be opening it too. */
const TRIES = 20;
const TRY_AGAIN_MS = 50;

/** SQLite's result codes, the last eight bits. */
const code = { busy: 5, damaged: 11, full: 13, notADatabase: 26 } as const;

/**
 * Opens the file, makes it if it is not there, and brings it to the newest schema.
 *
 * @param path Its absolute path, also that of a link to it.
 * @throws {FileInUseError} At once if who has it open is known to live, else after a second.
 * @throws {UnusableFileError}
 */
export async function openFile(path: string): Promise<DatabaseSync> {
  const file = targetOf(path);
  for (let tries = 1; ; tries++) {
    const db = tryToOpen(file);
    if (db) return db;
    const owner = readNote(file);
    if (owner || tries === TRIES) throw new FileInUseError(file, owner);
    await sleep(TRY_AGAIN_MS);
  }
}

/** Closes the file; its log is written back into it and removed. */
export function closeFile(db: DatabaseSync): void {
  const file = db.location();
  if (file !== null) removeNote(file);
  db.close();
}

/** The file that a link stands for, so that there is one note beside one file. */
function targetOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** Nothing if it is locked. */
function tryToOpen(file: string): DatabaseSync | undefined {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, { timeout: 0 });
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; ROLLBACK');
    inspect(db, file);
    prepare(db);
    leaveNote(file);
    return db;
  } catch (error) {
    db?.close();
    if (isSqliteError(error) && (error.errcode & 0xff) === code.busy) return undefined;
    throw error instanceof UnusableFileError ? error : diagnosis(file, error);
  }
}

/** @throws {UnusableFileError} It is not ours, or too new. */
function inspect(db: DatabaseSync, file: string): void {
  const isEmpty = db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
  const application = pragma(db, 'application_id');
  if (application !== APPLICATION_ID && !(isEmpty && application === 0)) {
    throw new UnusableFileError(
      file,
      'another_program',
      'is the database of another program. Choose another file.',
    );
  }
  const version = versionOf(db);
  if (version > migrations.length) {
    throw new UnusableFileError(
      file,
      'newer_schema',
      `has schema ${version}; this version of Taskchart knows schemas up to ${migrations.length}. ` +
        'Run the version that wrote it, or a newer one.',
    );
  }
}

function prepare(db: DatabaseSync): void {
  if (versionOf(db) === 0) {
    // Settled when the file is made: pages that retention frees can be given back to the system.
    db.exec('PRAGMA auto_vacuum = INCREMENTAL; VACUUM');
  }
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;          -- on macOS, where an fsync does not reach the disk
    PRAGMA wal_autocheckpoint = 4000;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA cache_size = -32000;
    PRAGMA temp_store = MEMORY;
  `);
  migrate(db);
}

function diagnosis(file: string, cause: unknown): UnusableFileError {
  const failed = (reason: UnusableFileError['reason'], detail: string) =>
    new UnusableFileError(file, reason, detail, { cause });
  const primary = isSqliteError(cause) ? cause.errcode & 0xff : undefined;
  if (primary === code.notADatabase) {
    return failed('not_a_database', 'is no SQLite database. Choose another file, or move this one away.');
  }
  if (primary === code.damaged) {
    return failed('damaged', 'is damaged. Put a backup in its place, or move it away to begin anew.');
  }
  if (primary === code.full || (cause as NodeJS.ErrnoException).code === 'ENOSPC') {
    return failed('no_room', 'cannot be opened: the disk is full. Make room.');
  }
  const folder = dirname(file);
  const kind = kindOf(file);
  if (kind === 'directory') {
    return failed('a_directory', 'is a directory. Name a file in it, for example taskchart.db.');
  }
  if (kind === 'nothing' && kindOf(folder) !== 'directory') {
    return failed('no_folder', `cannot be made: there is no folder ${folder}. Make it: mkdir -p '${folder}'`);
  }
  if ((kind === 'something' && !mayWrite(file)) || !mayWrite(folder)) {
    return failed(
      'no_permission',
      `cannot be written to by this user. Give it permission to write to the file and to the folder ${folder}.`,
    );
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return failed('unreadable', `cannot be opened: ${reason}.`);
}

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function kindOf(path: string): 'directory' | 'something' | 'nothing' {
  try {
    return statSync(path).isDirectory() ? 'directory' : 'something';
  } catch {
    return 'nothing';
  }
}

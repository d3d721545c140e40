/**
 * What is in the file. `PRAGMA user_version` says how many of the migrations it has had; a released one is never changed,
 * a new one is added behind it.
 *
 * Invariants:
 * - Numbers that must never come again (a commit's and a published message's sequence) are remembered in `marks`
 *   where rows go.
 * - A journal has a key of its own, the sequence of its first commit, so that dropping it is one row: what bears a
 *   key without a journal is refuse.
 * - A text in a column called `entries`, `body`, `value` or `text` is JSON as it was given, never looked into.
 */
import type { DatabaseSync } from 'node:sqlite';

/** Marks the file as ours: `TSKC`. */
export const APPLICATION_ID = 0x54_53_4b_43;

export const migrations: readonly string[] = [
  `
  CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  -- closed_at: when the last commit was stored, if that one is closing.
  CREATE TABLE journals (key INTEGER PRIMARY KEY, task_id TEXT NOT NULL UNIQUE, closed_at INTEGER) STRICT;
  CREATE INDEX journals_closed ON journals (closed_at) WHERE closed_at IS NOT NULL;
  -- closing: as it was given, NULL if it was not. blobs: a JSON array of hashes, NULL if it was not given.
  CREATE TABLE commits (
    sequence INTEGER PRIMARY KEY, journal INTEGER NOT NULL, id TEXT NOT NULL, writer TEXT NOT NULL,
    at INTEGER NOT NULL, closing INTEGER, blobs TEXT, entries TEXT NOT NULL
  ) STRICT;
  CREATE INDEX commits_of_journal ON commits (journal);
  CREATE TABLE dropped_journals (key INTEGER PRIMARY KEY) STRICT;

  -- due: when it goes if no journal uses it; NULL once that time is past and one does: then it goes with the last.
  CREATE TABLE blobs (hash TEXT PRIMARY KEY, due INTEGER, text TEXT NOT NULL) STRICT;
  CREATE INDEX blobs_due ON blobs (due) WHERE due IS NOT NULL;
  CREATE TABLE blob_uses (hash TEXT, journal INTEGER, PRIMARY KEY (hash, journal)) STRICT, WITHOUT ROWID;
  CREATE INDEX blob_uses_of_journal ON blob_uses (journal);

  -- event_id: '' for a request. due: not to be handed over before; NULL: ready, or in somebody's hands.
  CREATE TABLE messages (
    sequence INTEGER PRIMARY KEY, task_id TEXT NOT NULL, event_id TEXT NOT NULL, name TEXT NOT NULL,
    attempt INTEGER NOT NULL, due INTEGER, body TEXT NOT NULL, UNIQUE (task_id, event_id)
  ) STRICT;
  CREATE INDEX messages_ready ON messages (name, sequence) WHERE due IS NULL;
  CREATE INDEX messages_parked ON messages (name, due) WHERE due IS NOT NULL;
  CREATE TABLE acknowledged_events (
    task_id TEXT, event_id TEXT, at INTEGER NOT NULL, PRIMARY KEY (task_id, event_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX acknowledged_events_at ON acknowledged_events (at);

  CREATE TABLE published (
    sequence INTEGER PRIMARY KEY, subject TEXT NOT NULL, id TEXT NOT NULL, stream TEXT NOT NULL,
    at INTEGER NOT NULL, body TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX published_ids ON published (id, subject);
  CREATE INDEX published_subjects ON published (subject);
  CREATE TABLE subscribers (
    name TEXT PRIMARY KEY, filter TEXT NOT NULL, position INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE records (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  `,
];

/** Brings the file to the last version, a transaction a step. @param steps Given by tests. */
export function migrate(db: DatabaseSync, steps: readonly string[] = migrations): void {
  const version = versionOf(db);
  for (const [index, step] of steps.entries()) {
    if (index < version) continue;
    db.exec('BEGIN');
    try {
      db.exec(step);
      db.exec(`PRAGMA user_version = ${index + 1}; PRAGMA application_id = ${APPLICATION_ID}; COMMIT`);
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }
}

export function versionOf(db: DatabaseSync): number {
  return pragma(db, 'user_version');
}

/** The number that a pragma answers with. */
export function pragma(db: DatabaseSync, name: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { EngineModule } from '../engine.ts';

const STEPS = 5;
const BYTES = { small: 1_024, full: 10_240 };

/** Five rows one after another, all that comes in a turn of the event loop in one synced commit: what SQLite could give. */
export const open: EngineModule['open'] = async ({ folder, full }) => {
  const db = new DatabaseSync(join(folder, 'appends.db'));
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  db.exec(
    'CREATE TABLE entries (id TEXT NOT NULL, step INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (id, step))',
  );
  const insert = db.prepare('INSERT INTO entries VALUES (?, ?, ?)');
  const body = 'x'.repeat(full ? BYTES.full : BYTES.small);
  let turn: { id: string; step: number; stored: () => void }[] = [];
  const commit = () => {
    const rows = turn;
    turn = [];
    db.exec('BEGIN');
    for (const { id, step } of rows) insert.run(id, step, body);
    db.exec('COMMIT');
    for (const { stored } of rows) stored();
  };
  const append = (id: string, step: number) =>
    new Promise<void>((stored) => {
      if (turn.length === 0) setImmediate(commit);
      turn.push({ id, step, stored });
    });
  return {
    async run(id) {
      for (let step = 0; step < STEPS; step += 1) await append(id, step);
      return undefined;
    },
    async kept() {
      const { count } = db.prepare('SELECT count(*) AS count FROM entries').get() as { count: number };
      return [{ what: 'rows', count, perOrder: STEPS }];
    },
    async [Symbol.asyncDispose]() {
      db.close();
    },
  };
};

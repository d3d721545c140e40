import type { DatabaseSync } from 'node:sqlite';
import { Lifetime } from '../lifetime.ts';
import { LocalActors } from '../local-actors.ts';
import type { Backend } from '../port.ts';
import { SqliteBlobs } from './blobs.ts';
import { SqliteEventBus } from './events.ts';
import { closeFile } from './file.ts';
import { SqliteInbox } from './inbox.ts';
import { SqliteJournal } from './journal.ts';
import type { SqliteSettings } from './options.ts';
import { SqliteRecords } from './records.ts';
import { Sweeper } from './sweeper.ts';
import { Writer } from './writer.ts';

/** The backend over an open file, which is its own from now on. */
export function backendOn(db: DatabaseSync, settings: SqliteSettings): Backend {
  const lifetime = new Lifetime('sqlite');
  const writer = new Writer(db);
  const blobs = new SqliteBlobs(db, writer, settings, lifetime);
  const journal = new SqliteJournal(db, writer, settings, lifetime, blobs);
  const inbox = new SqliteInbox(db, writer, settings, lifetime);
  const events = new SqliteEventBus(db, writer, settings, lifetime);
  const records = new SqliteRecords(db, writer, settings, lifetime);
  const actors = new LocalActors(settings, lifetime);
  // Journals before blobs: what the last of them used goes with it.
  const sweeps = [journal, blobs, inbox, events].map(
    (part) => (at: number, most: number) => part.sweep(at, most),
  );
  const sweeper = new Sweeper(db, writer, settings, sweeps, () => {
    journal.onSwept();
    events.onSwept();
  });

  let closing: Promise<void> | undefined;
  const shut = async (): Promise<void> => {
    await lifetime.end();
    sweeper.stop();
    await writer.idle();
    closeFile(db);
  };
  const close = (): Promise<void> => {
    closing ??= shut();
    return closing;
  };
  return {
    name: 'sqlite',
    journal,
    inbox,
    events,
    records,
    blobs,
    actors,
    close,
    [Symbol.asyncDispose]: close,
  };
}

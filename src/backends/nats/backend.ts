import { Lifetime } from '../lifetime.ts';
import type { Backend } from '../port.ts';
import { NatsActors } from './actors.ts';
import { NatsBlobs } from './blobs.ts';
import type { Connection } from './connection.ts';
import { NatsEventBus } from './events.ts';
import { Generations } from './generations.ts';
import { NatsInbox } from './inbox.ts';
import { inboxStreams } from './inbox-streams.ts';
import { NatsJournal } from './journal.ts';
import { JournalDirectory } from './journal-directory.ts';
import { JournalReader } from './journal-reader.ts';
import { Keeper } from './keeper.ts';
import type { NatsSettings } from './options.ts';
import { NatsRecords } from './records.ts';
import { Streams } from './streams.ts';

/** What can be passed in for tests. */
interface Inner {
  /** What time it is, in ms since the epoch, for what goes after retention. */
  readonly now?: () => number;
  /** See `KeeperOptions`. */
  readonly leastStay?: number;
}

/** A backend, and what is of interest to its tests. */
interface Opened {
  readonly backend: Backend;
  readonly keeper: Keeper;
  readonly generations: Generations;
  readonly reader: JournalReader;
}

/** The backend over a connection, which is its own from now on. */
export async function backendOn(
  connection: Connection,
  settings: NatsSettings,
  { now = Date.now, leastStay }: Inner = {},
): Promise<Opened> {
  const lifetime = new Lifetime('nats');
  const streams = new Streams(connection, settings);
  const generations = new Generations(connection, settings);
  const directory = new JournalDirectory(connection, settings, streams);
  const names = inboxStreams(settings);
  const records = new NatsRecords(connection, settings, lifetime, streams);

  await Promise.all([
    generations.start(),
    directory.start(),
    records.start(),
    ...Object.values(names).map((spec) => streams.ensure(spec)),
    ...Object.entries(settings.streams).map(([name, subjects]) =>
      streams.ensure({ name, subjects, purpose: 'published messages', maxAge: settings.retention }),
    ),
  ]);

  const blobs = new NatsBlobs(connection, settings, lifetime, generations);
  const time = { retention: settings.retention, now };
  const reader = new JournalReader(connection, generations, directory, time);
  const common = { connection, settings, generations, directory, reader, blobs };
  const journal = new NatsJournal({ ...common, lifetime });
  const keeper = new Keeper({ ...common, now, leastStay });
  keeper.start();
  const inbox = new NatsInbox({ connection, streams, names, settings, lifetime });
  const events = new NatsEventBus({ connection, streams, settings, lifetime });
  const actors = new NatsActors(connection, settings, lifetime);

  let closing: Promise<void> | undefined;
  const shut = async (): Promise<void> => {
    await lifetime.end();
    await keeper.stop();
    await connection.close();
  };
  const close = (): Promise<void> => {
    closing ??= shut();
    return closing;
  };
  const parts = { journal, inbox, events, records, blobs, actors };
  const backend: Backend = { name: 'nats', ...parts, close, [Symbol.asyncDispose]: close };
  return { backend, keeper, generations, reader };
}

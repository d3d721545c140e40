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
import type { NatsSettings } from './options.ts';
import { NatsRecords } from './records.ts';
import { Streams } from './streams.ts';

/** The backend over a connection, which is its own from now on. */
export async function backendOn(connection: Connection, settings: NatsSettings): Promise<Backend> {
  const lifetime = new Lifetime('nats');
  const streams = new Streams(connection, settings);
  const generations = new Generations(connection, settings);
  const names = inboxStreams(settings);
  const records = new NatsRecords(connection, settings, lifetime, streams);

  await Promise.all([
    generations.refresh(),
    records.open(),
    ...Object.values(names).map((spec) => streams.ensure(spec)),
    ...Object.entries(settings.streams).map(([name, subjects]) =>
      streams.ensure({ name, subjects, purpose: 'published messages', maxAge: settings.retention }),
    ),
  ]);

  const blobs = new NatsBlobs(connection, settings, lifetime, generations);
  const journal = new NatsJournal(connection, settings, lifetime, generations, blobs);
  const inbox = new NatsInbox({ connection, streams, names, settings, lifetime });
  const events = new NatsEventBus({ connection, streams, settings, lifetime });
  const actors = new NatsActors(connection, settings, lifetime);

  let closing: Promise<void> | undefined;
  const shut = async (): Promise<void> => {
    await lifetime.end();
    await connection.close();
  };
  const close = (): Promise<void> => {
    closing ??= shut();
    return closing;
  };
  return {
    name: 'nats',
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

import { type Msg, nanos } from 'nats';
import { UnavailableError } from '../errors/unavailable-error.ts';
import type { Connection } from './connection.ts';
import { createEphemeral, deleteConsumer } from './consumers.ts';
import { Pull } from './pull.ts';
import { streamInfo } from './streams.ts';

/** How many messages are asked for at a time, and how long the server looks for them, in ms. */
const BATCH = 1_000;
const EXPIRES = 5_000;

/** How long the server keeps the consumer when nobody asks, in ms. */
const INACTIVE = 30_000;

/**
 * Goes through a stream that does not change any more: the headers of all its messages, in order.
 *
 * @param call What is being done, for errors. @throws {UnavailableError} It could not be gone through in one go.
 */
export async function scanStream(
  call: string,
  connection: Connection,
  {
    stream,
    inboxPrefix,
    signal,
  }: { readonly stream: string; readonly inboxPrefix: string; readonly signal: AbortSignal },
  onMessage: (message: Msg) => void,
): Promise<void> {
  let missing = (await streamInfo(connection, stream))?.state.messages ?? 0;
  if (missing === 0) return;
  const { name } = await createEphemeral(connection, call, stream, {
    deliver_policy: 'all',
    replay_policy: 'instant',
    ack_policy: 'none',
    headers_only: true,
    inactive_threshold: nanos(INACTIVE),
    mem_storage: true,
    num_replicas: 1,
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let expected = 1;
  const fail = (trouble: string): void => {
    reject(new UnavailableError(call, { cause: `${stream} cannot be read: ${trouble}` }));
  };
  const pull = new Pull(
    connection,
    { stream, consumer: name, inboxPrefix },
    {
      onMessage: (message, { consumerSequence }) => {
        if (consumerSequence !== expected++) fail('a message was lost on its way');
        onMessage(message);
        missing--;
      },
      onEnd: (_asked, _left, trouble) => {
        if (trouble !== undefined) fail(trouble);
        else if (missing === 0) resolve();
        else pull.ask(Math.min(missing, BATCH), EXPIRES);
      },
    },
  );
  const abort = (): void => fail('the backend was closed');
  signal.addEventListener('abort', abort);
  try {
    if (signal.aborted) abort();
    pull.ask(Math.min(missing, BATCH), EXPIRES);
    await promise;
  } finally {
    signal.removeEventListener('abort', abort);
    await pull.stop();
    await deleteConsumer(connection, call, stream, name);
  }
}

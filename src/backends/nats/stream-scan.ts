import { type Msg, nanos } from 'nats';
import { UnavailableError } from '../errors/unavailable-error.ts';
import type { Connection } from './connection.ts';
import { createEphemeral, deleteConsumer } from './consumers.ts';
import type { DeliveryInfo } from './delivery-info.ts';
import { Pull } from './pull.ts';
import { streamInfo } from './streams.ts';

/** How many messages are asked for at a time, and how long the server looks for them, in ms. */
const BATCH = 1_000;
const EXPIRES = 5_000;

/** How long the server keeps the consumer when nobody asks, in ms. */
const INACTIVE = 30_000;

export interface ScanTarget {
  readonly stream: string;
  readonly inboxPrefix: string;
  /** Ends it in the middle. */
  readonly signal: AbortSignal;
}

/**
 * Goes through the headers of all messages that a stream has when it begins, in order.
 *
 * @param call What is being done, for errors.
 * @param onMessage Whether to go on.
 * @throws {UnavailableError} It could not be gone through in one go.
 */
export async function scanStream(
  call: string,
  connection: Connection,
  { stream, inboxPrefix, signal }: ScanTarget,
  onMessage: (message: Msg, info: DeliveryInfo) => boolean,
): Promise<void> {
  const state = (await streamInfo(connection, stream))?.state;
  if (!state?.messages) return;
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
  let isOver = false;
  const fail = (trouble: string): void => {
    reject(new UnavailableError(call, { cause: `${stream} cannot be read: ${trouble}` }));
  };
  const abort = (): void => fail('the backend was closed');
  const pull = new Pull(
    connection,
    { stream, consumer: name, inboxPrefix },
    {
      onMessage: (message, info) => {
        if (isOver) return;
        if (info.consumerSequence !== expected++) fail('a message was lost on its way');
        isOver = !onMessage(message, info) || info.sequence >= state.last_seq;
        if (isOver) resolve();
      },
      onEnd: (asked, missing, trouble) => {
        if (isOver) return;
        if (trouble !== undefined) fail(trouble);
        else if (missing === asked) fail('its end is missing');
        else pull.ask(BATCH, EXPIRES);
      },
    },
  );
  signal.addEventListener('abort', abort);
  try {
    if (signal.aborted) abort();
    pull.ask(BATCH, EXPIRES);
    await promise;
  } finally {
    signal.removeEventListener('abort', abort);
    await pull.stop();
    await deleteConsumer(connection, call, stream, name);
  }
}

import type { Backend } from '../port.ts';
import { backendOn } from './backend.ts';
import { Connection } from './connection.ts';
import { type NatsOptions, parseNatsOptions } from './options.ts';

export { natsOptionsOf } from './environment.ts';
export type { NatsOptions } from './options.ts';
export { type Difference, StreamDifferenceError } from './stream-difference-error.ts';

/**
 * Opens a backend on the JetStream of NATS servers (2.9 or later): for as many worker processes as there are, on as many
 * machines. What it has resolved is in the servers' streams (B1): on as many of them as there are `replicas`, and on their
 * disks by their `sync_interval`.
 *
 * It makes the streams that are not there. The connection is made again when it is lost; meanwhile calls reject with
 * `UnavailableError`, and subscriptions wait.
 *
 * @throws {InvalidOptionsError} Naming each option that is not as expected.
 * @throws {UnavailableError} No server was reached within `connectTimeout`.
 * @throws {RefusedError} The server takes not these credentials, or cannot make a stream.
 * @throws {StreamDifferenceError} A stream is there with settings that would break a promise: naming them.
 * @example
 * import { natsBackend } from './src/backends/nats/index.ts';
 *
 * await using backend = await natsBackend({ servers: 'nats://127.0.0.1:4222' });
 * await backend.inbox.submit({ taskId: 'order-1', name: 'order', body: { cart_id: 1 } });
 * await backend.inbox.take({ names: ['order'], limit: 10 }, async (delivery) => {
 *   const commit = { id: 'commit-1', writer: 'worker-1', entries: [delivery.message.body] };
 *   await backend.journal.append(delivery.message.taskId, 0, commit);
 *   await delivery.acknowledge();
 * });
 */
export async function natsBackend(options: NatsOptions = {}): Promise<Backend> {
  const settings = parseNatsOptions(options);
  const connection = await Connection.open(settings);
  try {
    return (await backendOn(connection, settings)).backend;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

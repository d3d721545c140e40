/** Consumers: read and compared before one is made, because JetStream changes one that is there in silence. */
import { setTimeout as sleep } from 'node:timers/promises';
import { jetStreamCode } from './codes.ts';
import type { Connection } from './connection.ts';
import { JetStreamError } from './jetstream-error.ts';
import { type Difference, StreamDifferenceError } from './stream-difference-error.ts';

/** A consumer as JetStream describes it, as far as we look at it. Durations are in ns. */
export interface ConsumerConfig {
  readonly durable_name?: string;
  readonly description?: string;
  readonly filter_subject?: string;
  readonly deliver_policy: 'all' | 'new' | 'by_start_sequence';
  readonly opt_start_seq?: number;
  readonly ack_policy: 'explicit' | 'none';
  readonly ack_wait?: number;
  readonly max_deliver?: number;
  readonly max_ack_pending?: number;
  readonly max_waiting?: number;
  readonly inactive_threshold?: number;
  readonly num_replicas?: number;
  readonly mem_storage?: boolean;
  readonly headers_only?: boolean;
  readonly replay_policy: 'instant';
}

export interface ConsumerInfo {
  readonly name: string;
  /** ISO 8601. */
  readonly created: string;
  readonly config: ConsumerConfig;
  readonly delivered: { readonly stream_seq: number };
  readonly ack_floor: { readonly stream_seq: number };
  readonly num_pending: number;
  readonly num_ack_pending: number;
}

/** How long a worker waits at most before it makes a consumer anew, in ms. */
const SPREAD = 300;

const MOST_TRIES = 10;

/** Nothing if there is no such consumer, or no such stream. */
export async function consumerInfo(
  connection: Connection,
  call: string,
  stream: string,
  name: string,
): Promise<ConsumerInfo | undefined> {
  try {
    const info: ConsumerInfo | { config?: undefined } = await connection.api(
      call,
      `CONSUMER.INFO.${stream}.${name}`,
    );
    // One that is just being deleted has none.
    return info.config === undefined ? undefined : info;
  } catch (error) {
    if (!(error instanceof JetStreamError)) throw error;
    const { code } = error;
    if (code === jetStreamCode.consumerNotFound || code === jetStreamCode.streamNotFound) return undefined;
    throw error;
  }
}

/** Makes a durable consumer, if it is not there; it is made once, however many do so at a time. */
export function createDurable(
  connection: Connection,
  call: string,
  stream: string,
  name: string,
  config: ConsumerConfig,
): Promise<ConsumerInfo> {
  return connection.api(call, `CONSUMER.DURABLE.CREATE.${stream}.${name}`, {
    stream_name: stream,
    config: { ...config, durable_name: name },
  });
}

/** Makes a consumer that ends with whom it is for. */
export function createEphemeral(
  connection: Connection,
  call: string,
  stream: string,
  config: ConsumerConfig,
): Promise<ConsumerInfo> {
  return connection.api(call, `CONSUMER.CREATE.${stream}`, { stream_name: stream, config });
}

/** It may be gone already. */
export async function deleteConsumer(
  connection: Connection,
  call: string,
  stream: string,
  name: string,
): Promise<void> {
  try {
    await connection.api(call, `CONSUMER.DELETE.${stream}.${name}`);
  } catch (error) {
    if (error instanceof JetStreamError) return;
    throw error;
  }
}

/**
 * What a server that keeps a consumer alone, and was killed, knows of it when it is started again is not to be trusted: it
 * may have forgotten what it gave away last and what was acknowledged, and then give a message to nobody ever again (seen on
 * 2.9). So a consumer of a work queue says in its description which run of the server it was made in, and one of an earlier
 * run is made anew: then all that is still in the stream is given again.
 *
 * Servers of a cluster tell each other: there it says nothing, and is kept.
 */
function runOf({ nats: { info } }: Connection): string {
  return info === undefined || info.cluster !== undefined ? '' : ` (server ${info.server_id})`;
}

/** Makes a durable consumer of a work queue, or finds it as it is to be, made in this run of the server. @throws {StreamDifferenceError} */
export async function provideWorker(
  connection: Connection,
  call: string,
  stream: string,
  name: string,
  wanted: ConsumerConfig,
): Promise<ConsumerInfo> {
  const config = { ...wanted, description: `${wanted.description}${runOf(connection)}` };
  for (let tries = 1; ; tries++) {
    const known = await consumerInfo(connection, call, stream, name);
    if (known) assertConsumer(stream, known, config);
    if (known?.config.description === config.description) return known;
    try {
      if (known && tries > 1) await deleteConsumer(connection, call, stream, name);
      if (!known || tries > 1) return await createDurable(connection, call, stream, name, config);
    } catch (error) {
      // Another worker does the same at the same time, which a server takes amiss.
      if (!(error instanceof JetStreamError) || tries >= MOST_TRIES) throw error;
    }
    // All workers find out at once: who looks first again does it for all.
    await sleep(Math.random() * SPREAD);
  }
}

/** What a consumer that is there must have of what was wanted, for the promises to hold. */
const PROMISED = ['filter_subject', 'ack_policy', 'ack_wait', 'max_deliver', 'max_ack_pending'] as const;

/** @throws {StreamDifferenceError} */
export function assertConsumer(stream: string, is: ConsumerInfo, wanted: ConsumerConfig): void {
  const differences: Difference[] = PROMISED.filter((field) => is.config[field] !== wanted[field]).map(
    (field) => ({
      field,
      is: is.config[field],
      expected: wanted[field],
    }),
  );
  if (differences.length > 0)
    throw new StreamDifferenceError(`The consumer ${is.name} of ${stream}`, differences);
}

import { nanos } from 'nats';
import type { Connection } from './connection.ts';
import {
  assertConsumer,
  type ConsumerConfig,
  type ConsumerInfo,
  consumerInfo,
  createDurable,
} from './consumers.ts';

/** How many requests for messages may wait at a consumer: one a taker. */
const MOST_TAKERS = 10_000;

/**
 * Makes the consumer of a task name, which all workers share, or finds it as it is to be.
 *
 * No limit of deliveries, because what exceeds one would lie in the stream for ever; none of what is pending either, because
 * what is handed back until a time is pending, and the bound is the takers' places.
 *
 * @param ackWait In ms. @throws {StreamDifferenceError}
 */
export async function provideInboxConsumer(
  connection: Connection,
  stream: string,
  name: string,
  filter: string,
  ackWait: number,
): Promise<ConsumerInfo> {
  const config: ConsumerConfig = {
    description: `Taskchart: the workers of ${name}`,
    filter_subject: filter,
    deliver_policy: 'all',
    replay_policy: 'instant',
    ack_policy: 'explicit',
    ack_wait: nanos(ackWait),
    max_deliver: -1,
    max_ack_pending: -1,
    max_waiting: MOST_TAKERS,
  };
  const info =
    (await consumerInfo(connection, 'inbox.take', stream, name)) ??
    (await createDurable(connection, 'inbox.take', stream, name, config));
  assertConsumer(stream, info, config);
  return info;
}

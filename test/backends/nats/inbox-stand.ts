import { connect, type NatsConnection } from 'nats';
import { type NatsOptions, natsBackend } from '../../../src/backends/nats/index.ts';
import type { Backend, Delivery, Subscription } from '../../../src/backends/port.ts';
import { Arrivals } from '../../conformance/stand.ts';
import { type NatsServer, startNatsServer } from './nats-server.ts';

/** A server of one's own, backends on it, and a client that looks behind their backs. */
export interface InboxStand extends AsyncDisposable {
  readonly server: NatsServer;
  readonly client: NatsConnection;
  open(options?: NatsOptions): Promise<Backend>;
  /** Asks JetStream. @param request What comes behind `$JS.API.`. */
  api<Answer>(request: string, body?: unknown): Promise<Answer>;
  /** How many messages a stream holds. */
  count(stream: string): Promise<number>;
}

export async function inboxStand(): Promise<InboxStand> {
  const server = await startNatsServer();
  const client = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  const backends: Backend[] = [];
  const api = async <Answer>(request: string, body?: unknown): Promise<Answer> => {
    const ask = () => client.request(`$JS.API.${request}`, body === undefined ? '' : JSON.stringify(body));
    // The server may just be started again.
    const reply = await ask().catch(ask);
    return reply.json<Answer>();
  };
  return {
    server,
    client,
    api,
    open: async (options = {}) => {
      const backend = await natsBackend({
        servers: server.url,
        ackWait: 1_000,
        requestTimeout: 2_000,
        ...options,
      });
      backends.push(backend);
      return backend;
    },
    count: async (stream) => {
      const { state } = await api<{ state: { messages: number } }>(`STREAM.INFO.${stream}`);
      return state.messages;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(backends.map((backend) => backend.close()));
      await client.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** A delivery, and when it came. */
export interface Arrival {
  readonly delivery: Delivery;
  readonly at: number;
}

/** Takes and collects, with the times. */
export async function takeFrom(
  { inbox }: Backend,
  limit: number,
  names: readonly string[] = ['order'],
): Promise<{ arrivals: Arrivals<Arrival>; subscription: Subscription }> {
  const arrivals = new Arrivals<Arrival>();
  const subscription = await inbox.take({ names, limit }, (delivery) =>
    arrivals.push({ delivery, at: Date.now() }),
  );
  return { arrivals, subscription };
}

/** Waits until something holds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`It never came to be that ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

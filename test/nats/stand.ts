/** What a test of the NATS door stands on: a real server, a client of it, and the door over a service in memory. */
import { connect, type Msg, type NatsConnection } from 'nats';
import { memoryBackend } from '../../src/backends/memory/index.ts';
import type { Problem } from '../../src/doors/index.ts';
import { startNatsDoor } from '../../src/nats/index.ts';
import { type Service, startService } from '../../src/service/index.ts';
import { type NatsServer, startNatsServer } from '../backends/nats/nats-server.ts';
import { type Work, work } from '../service/stand.ts';

export interface Stand extends AsyncDisposable {
  readonly server: NatsServer;
  readonly client: NatsConnection;
  readonly service: Service;
  /** A task whose work the test ends. */
  readonly work: Work;
  /** What a caller was told nothing of. */
  readonly errors: unknown[];
  /** Opens a door more, on a connection and a service of its own. */
  openDoor(): Promise<{ close(): Promise<void> }>;
  ask(subject: string, body?: unknown): Promise<Answered>;
}

export interface Answered {
  // biome-ignore lint/suspicious/noExplicitAny: what came is what the test looks at.
  readonly body: any;
  /** The status of a problem, as the header of NATS services says it. */
  readonly code: string | undefined;
}

export async function openStand({
  prefix = 'taskchart',
  configuration = '',
}: {
  prefix?: string;
  configuration?: string;
} = {}): Promise<Stand> {
  const stack = new AsyncDisposableStack();
  const server = stack.use(await startNatsServer({ configuration }));
  const backend = stack.use(memoryBackend());
  const tested = work();
  const service = stack.use(
    await startService({ backend, tasks: [tested.task], drainWithin: 0, onReport: () => {} }),
  );
  const errors: unknown[] = [];
  const connection = async () => {
    const nats = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
    stack.defer(() => nats.close());
    return nats;
  };
  const openDoor = async () =>
    stack.use(
      await startNatsDoor(await connection(), { service, prefix, onError: (error) => errors.push(error) }),
    );
  const client = await connection();
  await openDoor();
  return {
    server,
    client,
    service,
    work: tested,
    errors,
    openDoor,
    async ask(subject, body) {
      const bytes =
        body instanceof Uint8Array || typeof body === 'string' ? body : JSON.stringify(body ?? null);
      return answered(await client.request(`${prefix}.${subject}`, bytes, { timeout: 5_000 }));
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

export function answered(message: Msg): Answered {
  const code = message.headers?.get('Nats-Service-Error-Code') || undefined;
  return { body: JSON.parse(message.string()), code };
}

/** A problem with every part of it. */
export function isProblem({ body, code }: Answered): boolean {
  const { type, title, status, detail }: Problem = body;
  return [type, title, detail].every((text) => typeof text === 'string') && String(status) === code;
}

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UnavailableError } from '../../backends/index.ts';
import { changeEventSchema } from '../../service/index.ts';
import { startNatsServer } from '../nats-server/nats-server.ts';
import { openBackend, type Place } from './backends.ts';
import type { Site } from './site.ts';

/** What is unknown is asked again after so many ms. */
const ASK_AGAIN = 200;
/** Longer than the inbox waits for a sign of life (5 s), in ms: what a frozen worker holds goes on elsewhere. */
const FREEZE = { least: 6_000, most: 9_000 };
/** Longer than that, in ms: whoever slept through an answer must not lose an attempt by it. */
const TIMEOUT = 15_000;

/**
 * A nats-server of the run's own. Customers are clients of it: they put their orders into the inbox, whether a worker lives or
 * not, and hear of their end as everybody does.
 *
 * Its time is the machine's: what the server keeps back, it keeps back by that.
 */
export async function natsSite(folder: string): Promise<Site> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startNatsServer({ store: join(folder, 'nats') }));
  const place: Place = { backend: 'nats', url: server.url };
  const hurry = { since: Date.now(), times: 1 };
  const backend = stack.use(await openBackend(place, hurry));

  const over = new Map<string, PromiseWithResolvers<void>>();
  const ofTask = (id: string) => {
    const end = over.get(id) ?? Promise.withResolvers<void>();
    over.set(id, end);
    return end;
  };
  stack.use(
    await backend.events.subscribe('taskchart.events.order.*', {}, ({ body }) => {
      const { subject, data } = changeEventSchema.parse(body);
      if (data.status === 'complete' || data.status === 'error') ofTask(subject).resolve();
    }),
  );

  const owned = stack.move();
  return {
    place,
    hurry,
    rhythm: { pace: 3, freeze: FREEZE },
    timeout: TIMEOUT,
    hanging: false,
    door: () => ({
      submit: async (taskId, request) => {
        for (;;) {
          try {
            return await backend.inbox.submit({ taskId, name: 'order', body: { ...request, id: taskId } });
          } catch (error) {
            if (!(error instanceof UnavailableError)) throw error;
            await sleep(ASK_AGAIN);
          }
        }
      },
      ended: (id) => ofTask(id).promise,
    }),
    read: () => openBackend(place, hurry),
    killServer: async () => {
      await server.end('SIGKILL');
      await server.start();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

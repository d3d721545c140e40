import type { Backend } from '../../src/backends/index.ts';
import { memoryBackend } from '../../src/backends/memory/index.ts';
import { startService } from '../../src/service/index.ts';
import { temporarySqlite } from '../temporary-file.ts';
import { CONTEXT, stubbedOrderTask } from '../workload.ts';
import type { OpenSystem } from './system.ts';

/** The whole service on the memory backend: requests, journal, records, events, change events. */
export const openMemory = openService(async (stack) => stack.use(memoryBackend()));

/** The whole service in a file of its own, every commit synced to the disk. */
export const openSqlite = openService(temporarySqlite);

function openService(openBackend: (stack: AsyncDisposableStack) => Promise<Backend>): OpenSystem {
  return async (inFlight) => {
    const stack = new AsyncDisposableStack();
    const backend = await openBackend(stack);
    let published = 0;
    const service = stack.use(
      await startService({
        backend,
        tasks: ({ publish, records }) => {
          const counted: typeof publish = async (message) => {
            const acknowledgement = await publish(message);
            if (!acknowledgement.duplicate) published += 1;
            return acknowledgement;
          };
          return [stubbedOrderTask(counted, records)];
        },
        limit: inFlight,
      }),
    );
    return {
      async run(id) {
        const task = await service.submit({ id, name: 'order', context: CONTEXT });
        const { status } = await task.result();
        if (status !== 'complete') throw new Error(`Order ${id} ended as ${status}`);
      },
      published: () => published,
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  };
}

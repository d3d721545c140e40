import { isDeepStrictEqual } from 'node:util';
import { orderSchema } from '../../../machines/order/index.ts';
import type { Backend } from '../../../src/backends/index.ts';
import { startService } from '../../../src/service/index.ts';
import { CONTEXT, stubbedOrderTask } from '../../workload.ts';
import type { Engine, EngineOptions } from '../engine.ts';
import { productsOf } from '../order-steps.ts';

/** The whole service on a backend: requests, journal, records, events, change events. Other processes may work on it too. */
export async function openService(
  backend: Backend,
  { inFlight, full }: Pick<EngineOptions, 'inFlight' | 'full'>,
): Promise<Engine> {
  const products = productsOf(full);
  const service = await startService({
    backend,
    tasks: ({ publish, records }) => [
      stubbedOrderTask(publish, records).provide({ fetch_products: async () => products }),
    ],
    limit: inFlight,
  });
  return {
    async run(id) {
      const task = await service.submit({ id, name: 'order', context: CONTEXT });
      const { status, output } = await task.result();
      if (status !== 'complete') throw new Error(`Order ${id} ended as ${status}`);
      return orderOf(output);
    },
    async kept() {
      return [{ what: 'events', count: await countStored(backend, 'orders.created.>'), perOrder: 1 }];
    },
    async reread(id) {
      // No task of it is alive any more: what is answered is its journal, replayed.
      const { output } = await (await service.task(id)).view();
      const record = await backend.records.read(`orders.order-${id}`);
      const order = orderOf(output);
      if (isDeepStrictEqual(record, order)) return order;
      throw new Error(
        `The record of ${id} is ${JSON.stringify(record)}, its task's ${JSON.stringify(order)}`,
      );
    },
    async [Symbol.asyncDispose]() {
      await service.drain();
      await backend.close();
    },
  };
}

function orderOf(output: unknown) {
  return orderSchema.parse((output as { order?: unknown } | undefined)?.order);
}

/** Reads a subject's messages from the first on, until none has come for a while; who gets too few asks again. */
async function countStored(backend: Backend, filter: string): Promise<number> {
  let count = 0;
  const silence = Promise.withResolvers<void>();
  const timer = setTimeout(silence.resolve, 250);
  await using _subscription = await backend.events.subscribe(filter, { start: 'all' }, () => {
    count += 1;
    timer.refresh();
  });
  await silence.promise;
  return count;
}

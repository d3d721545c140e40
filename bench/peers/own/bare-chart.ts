import { createActor, toPromise } from 'xstate';
import { CONTEXT, stubbedOrderTask } from '../../workload.ts';
import type { EngineModule } from '../engine.ts';
import { productsOf } from '../order-steps.ts';

/** The chart alone, an actor an order: no supervisor, no backend, nothing lasting. */
export const open: EngineModule['open'] = async ({ full }) => {
  const products = productsOf(full);
  let published = 0;
  const { machine } = stubbedOrderTask(async () => {
    published += 1;
    return { stream: 'ORDERS', sequence: published, duplicate: false };
  }).provide({ fetch_products: async () => products });
  return {
    async run(id) {
      const result = await toPromise(createActor(machine, { input: { id, context: CONTEXT } }).start());
      if (result.status !== 'complete') throw new Error(`Order ${id} ended as ${result.status}`);
      return result.output.order;
    },
    kept: async () => [{ what: 'events', count: published, perOrder: 1 }],
    [Symbol.asyncDispose]: async () => {},
  };
};

import { createActor, toPromise } from 'xstate';
import { CONTEXT, stubbedOrderTask } from '../workload.ts';
import type { OpenSystem } from './system.ts';

/** The chart alone, an actor an order: no supervisor, no backend, nothing lasting. The limit of everything else. */
export const openBareChart: OpenSystem = async () => {
  let published = 0;
  const { machine } = stubbedOrderTask(async () => {
    published += 1;
    return { stream: 'ORDERS', sequence: published, duplicate: false };
  });
  return {
    async run(id) {
      const output = await toPromise(createActor(machine, { input: { id, context: CONTEXT } }).start());
      if (output.status !== 'complete') throw new Error(`Order ${id} ended as ${output.status}`);
    },
    published: () => published,
    [Symbol.asyncDispose]: async () => {},
  };
};

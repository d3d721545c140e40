import type { EngineModule } from '../../bench/peers/engine.ts';
import { orderSteps } from '../../bench/peers/order-steps.ts';
import { createOrder } from '../../machines/order/index.ts';

/** Events that there are too many of. */
const MORE: Record<string, number> = { loses: -1, doubles: 1 };

const fault = new URL(import.meta.url).search.slice(1);

/** A system that does one thing wrong, by its module's query. */
export const open: EngineModule['open'] = async () => {
  const steps = orderSteps(false);
  let runs = 0;
  const orderOf = async (id: string) => {
    const validated = await steps.validateProducts(await steps.fetchCart(), await steps.fetchProducts());
    return createOrder(id, validated, 0);
  };
  return {
    async run(id) {
      runs += 1;
      return orderOf(fault === 'makes-another' ? 'another' : id);
    },
    kept: async () => [{ what: 'events', count: runs + (MORE[fault] ?? 0), perOrder: 1 }],
    reread: (id) => orderOf(fault === 'tells-another' ? 'another' : id),
    [Symbol.asyncDispose]: async () => {},
  };
};

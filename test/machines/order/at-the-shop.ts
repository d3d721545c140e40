import { onTestFinished } from 'vitest';
import { orderTask } from '../../../machines/order/index.ts';
import { memoryBackend } from '../../../src/backends/memory/index.ts';
import { startDemoShop } from '../../../src/shop/demo/index.ts';
import { shopClient, shopOrderTask } from '../../../src/shop/index.ts';
import { outcomeOf } from './fixtures.ts';

/** The order task against the local shop, which does not fail here. */
export async function atTheShop() {
  const shop = await startDemoShop({ faults: 'none' });
  onTestFinished(() => shop.close());
  const backend = memoryBackend();
  onTestFinished(() => backend.close());
  const task = shopOrderTask({
    shop: shopClient({ url: shop.url, pageSize: 30 }),
    records: backend.records,
    publish: (message) => backend.events.publish(message),
  });
  return { task, shop, backend };
}

/** Runs one step of an order at the shop and no other: the outputs of the others are given. */
export async function alone(step: string, before: Readonly<Record<string, unknown>>) {
  const surroundings = await atTheShop();
  const names = orderTask.steps.map(({ name }) => name);
  const later = Object.fromEntries(names.slice(names.indexOf(step) + 1).map((name) => [name, 'given']));
  const { report, results } = await outcomeOf(surroundings.task, {
    context: { cart_id: 2 },
    results: { ...before, ...later },
  });
  const attempted = Object.entries(report.steps).flatMap(([name, { attempts }]) =>
    attempts > 0 ? [name] : [],
  );
  return { ...surroundings, attempted, output: results[step] };
}

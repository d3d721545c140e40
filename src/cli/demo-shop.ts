import type { Backend } from '../backends/index.ts';
import { type DemoShop, type DemoShopOptions, startDemoShop } from '../shop/demo/index.ts';

/**
 * A demo shop that dies and comes back with the process whose orders it serves, as no real one would: so it counts in the backend how
 * often it was asked, and fails a step no more often than if it had lived on.
 *
 * It does not wait for that to be durable: what the step makes of its answer is written behind it, so that it cannot be kept without it.
 */
export function startLastingDemoShop(
  { records }: Pick<Backend, 'records'>,
  options: Omit<DemoShopOptions, 'count'> = {},
): Promise<DemoShop> {
  const earlier = new Map<string, Promise<number>>();
  const count = async (key: string, asked: number) => {
    const name = recordOf(key);
    const known = earlier.get(key) ?? countRecords(records, name);
    earlier.set(key, known);
    const total = (await known) + asked;
    // One that is lost fails a step once more.
    records.create(`${name}.${total}`, true).catch(() => {});
    return total;
  };
  return startDemoShop({ ...options, count });
}

async function countRecords(records: Backend['records'], name: string): Promise<number> {
  for (let count = 0; ; count += 1) {
    if ((await records.read(`${name}.${count + 1}`)) === undefined) return count;
  }
}

function recordOf(key: string): string {
  return `demo-shop.${key.replaceAll('/', '.').replaceAll(/[^\w.-]/g, '-')}`;
}

import Table from 'cli-table3';
import { bestOf, type Ratio, runsOf, type Spread, type Turns } from './summary.ts';
import type { Durability } from './systems.ts';

/** What has become of an order when it is said to be done. */
const DONE: Readonly<Record<Durability, string>> = {
  disk: 'on disk',
  system: 'with the OS',
  memory: 'in memory',
};

/** Every system at its best, and alone: then ours to the others. */
export function textOf(all: readonly Turns[], ratios: readonly Ratio[]): string {
  const figures = table(
    'system|workers|when done|in flight|orders/s|min … max|p50 ms|p99 ms|alone p50|p99|CPU s/1,000: worker|server|MB: worker|server',
  );
  for (const turns of all) {
    const best = bestOf(turns);
    if (!best) continue;
    const alone = runsOf(turns).find(({ in_flight }) => in_flight === 1);
    figures.push([
      turns.system.name,
      turns.system.workers,
      DONE[turns.system.durability],
      best.in_flight,
      best.orders_s.median,
      `${best.orders_s.min} … ${best.orders_s.max}`,
      best.p50_ms.toFixed(1),
      best.p99_ms.toFixed(1),
      alone?.p50_ms.toFixed(2) ?? '',
      alone?.p99_ms.toFixed(2) ?? '',
      best.cpu_s_per_1000.worker.toFixed(2),
      best.cpu_s_per_1000.server.toFixed(2),
      best.memory_mb.worker,
      best.memory_mb.server,
    ]);
  }
  const times = table('ours|to|orders/s, times|min … max|p50 alone, times|min … max');
  for (const { system, to, orders_s, p50_alone } of ratios) {
    times.push([system, to, ...columns(orders_s), ...(p50_alone ? columns(p50_alone) : ['', ''])]);
  }
  return ratios.length > 0 ? `${figures}\n${times}` : `${figures}`;
}

function columns({ min, median, max }: Spread): [string, string] {
  return [median.toFixed(2), `${min.toFixed(2)} … ${max.toFixed(2)}`];
}

function table(titles: string) {
  const head = titles.split('|');
  return new Table({
    head,
    colAligns: head.map((_, column) => (column === 0 ? 'left' : 'right')),
    style: { head: [], border: [], compact: true },
  });
}

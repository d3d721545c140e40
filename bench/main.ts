/**
 * What `npm run bench` runs: orders a second of the bare chart, through the supervisor, and through the whole service, side by side.
 * The systems take turns, round after round, and are compared within a round: machines drift.
 */
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { z } from 'zod';
import { measure, type Window } from './measure.ts';
import { openBareChart } from './systems/bare-chart.ts';
import { openMemory } from './systems/memory.ts';
import { openSupervisor } from './systems/supervisor.ts';

const SYSTEMS = { 'bare chart': openBareChart, supervisor: openSupervisor, memory: openMemory };
const IN_FLIGHT = [1, 64, 1_024, 4_096];

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '1' },
  },
});
const { rounds, seconds, json } = z
  .object({
    rounds: z.coerce.number().int().min(1),
    seconds: z.coerce.number().positive(),
    json: z.boolean(),
  })
  .parse(values);

const runs: { system: string; inFlight: number; windows: Window[] }[] = [];
for (const inFlight of IN_FLIGHT) {
  const group = Object.entries(SYSTEMS).map(([system, open]) => ({
    system,
    inFlight,
    open,
    windows: [] as Window[],
  }));
  for (let round = 0; round < rounds; round += 1) {
    for (const { open, windows } of group) {
      windows.push(await measure(open, { inFlight, warmUp: seconds * 500, duration: seconds * 1_000 }));
    }
  }
  runs.push(...group);
}
print();

function print(): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ runs: runs.map(summary) })}\n`);
    return;
  }
  const table = new Table({
    head: [
      'system',
      'in flight',
      'orders/s',
      'min … max',
      '% of bare',
      'p50 ms',
      'p99 ms',
      'CPU s/1,000',
      'MB',
    ],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const run of runs) {
    const { system, in_flight, orders_s, p50_ms, p99_ms, cpu_s_per_1000, memory_mb } = summary(run);
    table.push([
      system,
      in_flight,
      orders_s.median,
      `${orders_s.min} … ${orders_s.max}`,
      shareOfBare(run),
      p50_ms,
      p99_ms,
      cpu_s_per_1000.worker,
      memory_mb.worker,
    ]);
  }
  console.log(table.toString());
}

function summary({ system, inFlight, windows }: (typeof runs)[number]) {
  const rates = windows.map(({ ordersPerSecond }) => Math.round(ordersPerSecond));
  const medianOf = (pick: (window: Window) => number, digits: number) =>
    Number(median(windows.map(pick)).toFixed(digits));
  return {
    system,
    workers: 1,
    in_flight: inFlight,
    orders_s: { min: Math.min(...rates), median: Math.round(median(rates)), max: Math.max(...rates) },
    p50_ms: medianOf(({ p50 }) => p50, 3),
    p99_ms: medianOf(({ p99 }) => p99, 3),
    cpu_s_per_1000: { worker: medianOf(({ cpu }) => cpu, 3), server: 0 },
    memory_mb: { worker: medianOf(({ memory }) => memory, 0), server: 0 },
  };
}

/** The median over the rounds of each round's own ratio. */
function shareOfBare({ inFlight, windows }: (typeof runs)[number]): string {
  const bare = runs.find((run) => run.system === 'bare chart' && run.inFlight === inFlight);
  const ratios = windows.map(
    ({ ordersPerSecond }, round) => ordersPerSecond / (bare?.windows[round]?.ordersPerSecond ?? Number.NaN),
  );
  return `${Math.round(100 * median(ratios))} %`;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

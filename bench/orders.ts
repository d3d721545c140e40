import { type MeasureOptions, measure, type Window } from './measure.ts';
import { median } from './median.ts';
import { openBareChart } from './systems/bare-chart.ts';
import { openMemory, openSqlite } from './systems/service.ts';
import { openSupervisor } from './systems/supervisor.ts';
import type { OpenSystem } from './systems/system.ts';

const SYSTEMS: Readonly<Record<string, OpenSystem>> = {
  'bare chart': openBareChart,
  supervisor: openSupervisor,
  memory: openMemory,
  sqlite: openSqlite,
};
const IN_FLIGHT = [1, 64, 256, 1_024, 4_096];

/** A system at a number of orders in flight, a window a round. */
interface Run {
  readonly system: string;
  readonly inFlight: number;
  readonly windows: Window[];
}

/** Orders a second of each system: they take turns, round after round, and are compared within a round. */
export async function measureOrders(
  rounds: number,
  options: Omit<MeasureOptions, 'inFlight'>,
): Promise<ReturnType<typeof summary>[]> {
  const runs: Run[] = [];
  for (const inFlight of IN_FLIGHT) {
    const group = Object.keys(SYSTEMS).map((system): Run => ({ system, inFlight, windows: [] }));
    for (let round = 0; round < rounds; round += 1) {
      for (const { system, windows } of group) {
        const open = SYSTEMS[system] as OpenSystem;
        windows.push(await measure(system, open, { inFlight, ...options }));
      }
    }
    runs.push(...group);
  }
  return runs.map((run) => summary(run, runs));
}

function summary({ system, inFlight, windows }: Run, runs: readonly Run[]) {
  const rates = windows.map(({ ordersPerSecond }) => Math.round(ordersPerSecond));
  const medianOf = (pick: (window: Window) => number, digits: number) =>
    Number(median(windows.map(pick)).toFixed(digits));
  return {
    system,
    workers: 1,
    in_flight: inFlight,
    orders_s: { min: Math.min(...rates), median: Math.round(median(rates)), max: Math.max(...rates) },
    percent_of_bare: percentOfBare({ system, inFlight, windows }, runs),
    p50_ms: medianOf(({ p50 }) => p50, 3),
    p99_ms: medianOf(({ p99 }) => p99, 3),
    cpu_s_per_1000: { worker: medianOf(({ cpu }) => cpu, 3), server: 0 },
    memory_mb: { worker: medianOf(({ memory }) => memory, 0), server: 0 },
  };
}

/** The median over the rounds of each round's own ratio. */
function percentOfBare({ inFlight, windows }: Run, runs: readonly Run[]): number {
  const bare = runs.find((run) => run.system === 'bare chart' && run.inFlight === inFlight);
  const ratios = windows.map(
    ({ ordersPerSecond }, round) => ordersPerSecond / (bare?.windows[round]?.ordersPerSecond ?? Number.NaN),
  );
  return Math.round(100 * median(ratios));
}

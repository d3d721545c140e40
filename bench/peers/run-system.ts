import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkerWindow } from './messages.ts';
import { usageOf } from './process-usage.ts';
import type { Programs, System } from './systems.ts';
import { WorkerProcess } from './worker-process.ts';

/** What a system did in one window, all its workers together. */
export interface Window {
  readonly inFlight: number;
  readonly ordersPerSecond: number;
  /** In ms. */
  readonly p50: number;
  readonly p99: number;
  /** User and system time, in s per 1,000 orders. */
  readonly cpu: { readonly worker: number; readonly server: number };
  /** In MB, at the window's end. */
  readonly memory: { readonly worker: number; readonly server: number };
}

/** How many orders are in flight then, at most. */
const RUN_UP = 64;

export interface RunOptions {
  /** How many orders are in flight: a window each, in this order. */
  readonly inFlight: readonly number[];
  /** How long a worker just started works before the first window, in ms. */
  readonly runUp: number;
  /** Before each window, in ms. */
  readonly warmUp: number;
  /** In ms. */
  readonly duration: number;
  readonly full: boolean;
  /** How long the store may take to show what the orders left behind, in ms. */
  readonly patience: number;
  readonly programs: Programs;
}

/**
 * One turn of one system: its server and its workers are started for it, in a folder of its own, and ended.
 *
 * @throws An order was lost, doubled, failed, or is not as it should be.
 */
export async function runSystem(system: System, options: RunOptions): Promise<Window[]> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'taskchart-peers-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const server = system.startServer && stack.use(await system.startServer(folder, options.programs));
  const most = Math.max(...options.inFlight);
  const workers: WorkerProcess[] = [];
  for (let each = 1; each <= system.workers; each += 1) {
    const worker = await WorkerProcess.start({
      module: system.module,
      name: `${system.name.replaceAll(' ', '-')}-${each}`,
      url: server?.url ?? '',
      folder,
      inFlight: Math.ceil(most / system.workers),
      full: options.full,
    });
    workers.push(stack.use(worker));
  }

  let orders = 0;
  const run = async (inFlight: number, duration: number): Promise<WorkerWindow[]> => {
    const shares = shared(inFlight, workers);
    const windows = await Promise.all(
      shares.map(({ worker, share }) => worker.ask({ type: 'run', inFlight: share, duration }, 'ran')),
    );
    orders += windows.reduce((sum, each) => sum + each.orders, 0);
    return windows;
  };
  // What a process just started does is compiled first; else that would be counted to the first window.
  await run(Math.min(most, RUN_UP), options.runUp);
  const results: Window[] = [];
  for (const inFlight of options.inFlight) {
    await run(inFlight, options.warmUp);
    const before = await usageOf(server?.pid);
    const windows = await run(inFlight, options.duration);
    const after = await usageOf(server?.pid);
    results.push(together(inFlight, windows, { cpu: after.cpu - before.cpu, memory: after.memory }));
  }
  await check(system, workers, { orders, patience: options.patience });
  await Promise.all(workers.map((worker) => worker.end()));
  return results;
}

/** With fewer orders in flight than workers, some have none. */
function shared(inFlight: number, workers: readonly WorkerProcess[]) {
  return workers
    .map((worker, index) => ({ worker, share: Math.floor((inFlight + index) / workers.length) }))
    .filter(({ share }) => share > 0);
}

function together(
  inFlight: number,
  windows: readonly WorkerWindow[],
  server: { cpu: number; memory: number },
): Window {
  const sum = (pick: (window: WorkerWindow) => number) =>
    windows.reduce((total, window) => total + pick(window), 0);
  const orders = sum((window) => window.orders);
  const latencies = Float64Array.from(windows.flatMap((window) => [...window.latencies])).toSorted();
  const percentile = (share: number) => latencies[Math.ceil(latencies.length * share) - 1] ?? Number.NaN;
  return {
    inFlight,
    ordersPerSecond: sum((window) => window.orders / window.seconds),
    p50: percentile(0.5),
    p99: percentile(0.99),
    cpu: {
      worker: (1_000 * sum((window) => window.cpu)) / orders,
      server: (1_000 * server.cpu) / orders,
    },
    memory: { worker: sum((window) => window.memory), server: server.memory },
  };
}

/** One worker asks the store that all of them have worked on; each reads orders of its own again. */
async function check(
  system: System,
  workers: readonly WorkerProcess[],
  asked: { orders: number; patience: number },
): Promise<void> {
  const { orders } = asked;
  for (const worker of workers) {
    const { kept } = await worker.ask({ type: 'check', ...asked }, 'checked');
    for (const { what, count, perOrder } of kept) {
      if (count === perOrder * orders) continue;
      throw new Error(
        `${system.name}: after ${orders} orders there are ${count} ${what}, not ${perOrder * orders}`,
      );
    }
  }
}

import { createHistogram } from 'node:perf_hooks';
import type { OpenSystem } from './systems/system.ts';

/** What one window of one system came to. */
export interface Window {
  readonly ordersPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** User and system time of this process, in s per 1,000 orders. */
  readonly cpu: number;
  /** Resident memory at its end, in MB. */
  readonly memory: number;
}

export interface MeasureOptions {
  /** How many orders are run at a time. */
  readonly inFlight: number;
  /** In ms. */
  readonly warmUp: number;
  /** In ms. */
  readonly duration: number;
}

/** Runs orders in a closed loop for a time, after a warm-up. @throws The system lost, doubled or failed an order. */
export async function measure(
  name: string,
  open: OpenSystem,
  { inFlight, warmUp, duration }: MeasureOptions,
): Promise<Window> {
  await using system = await open(inFlight);
  let count = 0;
  const running = new Set<string>();
  // Nothing is left that could bring them to their end: a wake-up was lost. Node would say no more than that something did not settle.
  const onIdle = () => {
    const [first] = running;
    console.error(
      `${name}, ${inFlight} in flight: ${running.size} of ${count} orders never ended, first ${first}`,
    );
  };
  process.once('beforeExit', onIdle);
  using stack = new DisposableStack();
  stack.defer(() => process.off('beforeExit', onIdle));
  const latency = createHistogram();

  const loopUntil = async (end: number) => {
    while (performance.now() < end) {
      count += 1;
      const id = `bench-${count}`;
      const begun = performance.now();
      running.add(id);
      await system.run(id);
      running.delete(id);
      latency.record(Math.max(1, Math.round((performance.now() - begun) * 1_000)));
    }
  };
  const loops = (time: number) => {
    const end = performance.now() + time;
    return Promise.all(Array.from({ length: inFlight }, () => loopUntil(end)));
  };

  await loops(warmUp);
  const before = count;
  latency.reset();
  const cpuBefore = process.cpuUsage();
  const begun = performance.now();
  await loops(duration);
  const seconds = (performance.now() - begun) / 1_000;
  const { user, system: kernel } = process.cpuUsage(cpuBefore);
  const orders = count - before;
  if (system.published() !== count) {
    throw new Error(`${count} orders were run, but ${system.published()} events published`);
  }
  return {
    ordersPerSecond: orders / seconds,
    p50: latency.percentile(50) / 1_000,
    p99: latency.percentile(99) / 1_000,
    cpu: (user + kernel) / 1_000 / orders,
    memory: process.memoryUsage.rss() / 2 ** 20,
  };
}

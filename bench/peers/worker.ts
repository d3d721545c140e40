/**
 * A worker process of one system: it asks for orders in a closed loop and runs them.
 *
 * It holds its own work against what came of it: a sample of the orders is compared as it comes, and some are read again from
 * the store at the end. It ends with whoever started it.
 */
import { inspect } from 'node:util';
import type { Engine, EngineModule, Kept } from './engine.ts';
import type { Answer, Ask, WorkerTask, WorkerWindow } from './messages.ts';
import { checkOrder } from './order-steps.ts';

/** One of so many orders is compared. */
const SAMPLE = 50;
/** How many are read again at the end. */
const REREAD = 20;

const task = JSON.parse(process.argv[2] ?? '') as WorkerTask;
const { open } = (await import(new URL(task.module, import.meta.url).href)) as EngineModule;
const engine = await open(task);
let count = 0;

process.on('message', (ask: Ask) => {
  answer(ask).catch(async (error: unknown) => {
    await send({ type: 'failed', error: inspect(error) });
    process.exit(1);
  });
});
process.once('disconnect', () => process.exit());
await send({ type: 'ready' });

async function answer(ask: Ask): Promise<void> {
  switch (ask.type) {
    case 'run':
      return send({ type: 'ran', ...(await run(ask.inFlight, ask.duration)) });
    case 'check':
      return send({ type: 'checked', kept: await check(ask.orders, ask.patience) });
    case 'end':
      await engine[Symbol.asyncDispose]();
      await send({ type: 'ended' });
      return process.exit();
    default:
      ask satisfies never;
  }
}

function send(message: Answer): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(message, (error: Error | null) => (error ? reject(error) : resolve()));
  });
}

/** Each loop runs one order at least. */
async function run(inFlight: number, duration: number): Promise<WorkerWindow> {
  const latencies: number[] = [];
  const cpuBefore = process.cpuUsage();
  const begun = performance.now();
  const loop = async () => {
    do {
      count += 1;
      const id = `${task.name}-${count}`;
      const asked = performance.now();
      const order = await engine.run(id);
      latencies.push(performance.now() - asked);
      if (order && latencies.length % SAMPLE === 1) checkOrder(id, order);
    } while (performance.now() < begun + duration);
  };
  await Promise.all(Array.from({ length: inFlight }, loop));
  const seconds = (performance.now() - begun) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    orders: latencies.length,
    seconds,
    latencies: Float64Array.from(latencies),
    cpu: (user + system) / 1e6,
    memory: process.memoryUsage.rss() / 2 ** 20,
  };
}

async function check(orders: number, patience: number) {
  const reread = engine.reread?.bind(engine);
  const step = Math.max(1, Math.floor(count / REREAD));
  for (let each = 1; reread && each <= count; each += step) {
    const id = `${task.name}-${each}`;
    checkOrder(id, await reread(id));
  }
  return settled(engine, orders, patience);
}

/** What is kept may come to the store a moment after its order has ended: asks again while there is too little, until time is up. */
async function settled({ kept }: Pick<Engine, 'kept'>, orders: number, patience: number) {
  const end = performance.now() + patience;
  for (;;) {
    const found = await kept();
    const isThere = found.every(({ count, perOrder }) => count >= perOrder * orders);
    if ((isThere && !isLeft(found)) || performance.now() > end) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Whether there is still some of what no order leaves behind. */
function isLeft(found: readonly Kept[]): boolean {
  return found.some(({ count, perOrder }) => perOrder === 0 && count > 0);
}

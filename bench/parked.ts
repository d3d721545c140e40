import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { z } from 'zod';
import { defineTask, RetryableError } from '../src/index.ts';
import { startService } from '../src/service/index.ts';
import { temporarySqlite } from './temporary-file.ts';

/** What a worker on a file holds of tasks that wait for an hour. */
export interface ParkedCost {
  readonly tasks: number;
  /** From the first request until all are parked, per second. */
  readonly parked_s: number;
  readonly before_mb: Memory;
  readonly after_mb: Memory;
}

interface Memory {
  /** JavaScript's own, after a full collection. */
  readonly heap: number;
  /** All of the process. */
  readonly resident: number;
}

const IN_FLIGHT = 256;
/** Run before the memory is looked at: code, caches and pools have their size then. */
const WARM_UP = 10_000;

/** Each task fails once and waits for an hour. */
export async function measureParked(count: number): Promise<ParkedCost> {
  await using stack = new AsyncDisposableStack();
  const waiting = defineTask({ name: 'waiting', version: '1', context: z.object({}) })
    .step('wait', {
      output: z.null(),
      run: () => {
        throw new RetryableError('Not yet.', { retryAfter: 3_600_000 });
      },
    })
    .build();
  let parked = 0;
  let onParked = () => {};
  const service = stack.use(
    await startService({
      backend: await temporarySqlite(stack),
      tasks: [waiting],
      limit: IN_FLIGHT,
      onChange: ({ data }) => {
        if (data.status !== 'parked') return;
        parked += 1;
        onParked();
      },
    }),
  );
  let submitted = 0;
  const park = async (upTo: number) => {
    const all = Promise.withResolvers<void>();
    // No more are asked for than are parked: what waits in the inbox is not what is measured.
    const next = () => {
      if (parked >= upTo) all.resolve();
      if (submitted >= upTo || submitted - parked >= 2 * IN_FLIGHT) return;
      submitted += 1;
      service.submit({ id: `waiting-${submitted}`, name: 'waiting' }).catch(all.reject);
    };
    onParked = next;
    for (let ahead = 0; ahead < 2 * IN_FLIGHT; ahead += 1) next();
    await all.promise;
  };
  await park(WARM_UP);
  const before = memory();
  const begun = performance.now();
  await park(WARM_UP + count);
  const seconds = (performance.now() - begun) / 1_000;
  return { tasks: count, parked_s: Math.round(count / seconds), before_mb: before, after_mb: memory() };
}

function memory(): Memory {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: Math.round(heapUsed / 2 ** 20), resident: Math.round(rss / 2 ** 20) };
}

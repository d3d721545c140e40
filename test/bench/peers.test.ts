import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { runSystem } from '../../bench/peers/run-system.ts';
import type { System } from '../../bench/peers/systems.ts';
import { natsBinary } from '../backends/nats/nats-binary.ts';

const main = fileURLToPath(new URL('../../bench/peers/main.ts', import.meta.url));
const OURS = ['bare chart', 'memory', 'sqlite', 'jetstream'];

it('runs our own systems, with one worker and with two, and finds all that they ought to keep', async () => {
  const options = {
    '--systems': OURS.join(','),
    '--rounds': '1',
    '--seconds': '0.02',
    '--in-flight': '1,8',
    '--nats': await natsBinary(),
  };
  const { stdout } = await promisify(execFile)(process.execPath, [
    main,
    '--json',
    ...Object.entries(options).flat(),
  ]);
  const { runs, ratios } = JSON.parse(stdout);
  const measured = runs.map(
    (run: Record<string, unknown>) => `${run.system}/${run.workers}/${run.in_flight}`,
  );
  const systems = [...OURS.map((name) => `${name}/1`), 'jetstream/2'];
  expect(measured).toEqual(systems.flatMap((each) => [`${each}/1`, `${each}/8`]));
  expect(runs[0]).toEqual({
    system: 'bare chart',
    workers: 1,
    in_flight: 1,
    orders_s: { min: expect.any(Number), median: expect.any(Number), max: expect.any(Number) },
    p50_ms: expect.any(Number),
    p99_ms: expect.any(Number),
    cpu_s_per_1000: { worker: expect.any(Number), server: 0 },
    memory_mb: { worker: expect.any(Number), server: 0 },
  });
  expect(ratios).toHaveLength(3);
}, 60_000);

it.each([
  ['loses', /loses: after \d+ orders there are \d+ events, not \d+/],
  ['doubles', /doubles: after \d+ orders there are \d+ events, not \d+/],
  ['makes-another', /asked for "ran": Error: Expected {.*, got {/],
  ['tells-another', /asked for "checked": Error: Expected {.*, got {/],
])('ends with an error when a system %s', async (fault, told) => {
  const system: System = {
    name: fault,
    kind: 'limit',
    durability: 'memory',
    workers: 1,
    module: new URL(`./faulty-engine.ts?${fault}`, import.meta.url).href,
  };
  const options = { inFlight: [2], runUp: 1, warmUp: 1, duration: 1, full: false, patience: 0, programs: {} };
  await expect(runSystem(system, options)).rejects.toThrow(told);
});

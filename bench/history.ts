import { taskFromData } from '../machines/task/index.ts';
import { memoryBackend } from '../src/backends/memory/index.ts';
import { type Append, durable } from '../src/durable/index.ts';
import { startService } from '../src/service/index.ts';
import { median } from './median.ts';

/** What a step of a long task costs, in µs, early in it and late. */
export interface HistoryCost {
  readonly steps: number;
  readonly service: Ends;
  readonly durable: Ends;
  readonly replay: Ends;
}

interface Ends {
  readonly early_us: number;
  readonly late_us: number;
}

const STEPS = 1_000;
/** How many neighbours each figure is the median of. */
const NEAR = 40;

/** A chain of a thousand steps: through the service in memory, as a durable actor alone, and replayed. */
export async function measureHistory(rounds: number): Promise<HistoryCost> {
  let times: number[] = [];
  const noteTime = () => times.push(performance.now());
  const definition = chain(noteTime);
  const costs = { service: [] as Ends[], durable: [] as Ends[], replay: [] as Ends[] };
  for (let round = 0; round < rounds + 1; round += 1) {
    times = [];
    await using backend = memoryBackend();
    await using service = await startService({ backend, tasks: [definition] });
    await (await service.submit({ name: 'chain' })).result();
    costs.service.push(endsOf(times));

    times = [];
    const entries: Parameters<Append>[1]['entries'][number][] = [];
    let sequence = 0;
    const { machine } = definition;
    await durable(machine, {
      id: 'chain',
      input: { id: 'chain', context: {} },
      append: async (_, batch) => {
        entries.push(...batch.entries);
        sequence += 1;
        return sequence;
      },
    })
      .start()
      .output();
    costs.durable.push(endsOf(times));

    times = [];
    const options = { id: 'chain', entries: entries.slice(0, -1), sequence, onEntry: noteTime };
    durable(machine, { ...options, append: () => new Promise(() => {}) })
      .start()
      .stop();
    costs.replay.push(endsOf(times));
  }
  const of = (ends: readonly Ends[]) => {
    const [, ...warm] = ends;
    const medianOf = (pick: (each: Ends) => number) => Math.round(median(warm.map(pick)));
    return { early_us: medianOf(({ early_us }) => early_us), late_us: medianOf(({ late_us }) => late_us) };
  };
  return {
    steps: STEPS,
    service: of(costs.service),
    durable: of(costs.durable),
    replay: of(costs.replay),
  };
}

function chain(onStep: () => void) {
  const names = Array.from({ length: STEPS }, (_, index) => `step-${index}`);
  const steps = names.map((name, index) => ({ name, after: names.slice(Math.max(index - 1, 0), index) }));
  const run = () => {
    onStep();
    return null;
  };
  return taskFromData({ name: 'chain', version: '1', steps }).provide(
    Object.fromEntries(names.map((name) => [name, run])),
  );
}

function endsOf(times: readonly number[]): Ends {
  const near = (index: number) => {
    const between = Array.from({ length: NEAR }, (_, offset) => {
      return (times[index + offset + 1] ?? Number.NaN) - (times[index + offset] ?? Number.NaN);
    });
    return median(between) * 1_000;
  };
  return { early_us: near(10), late_us: near(STEPS - NEAR - 10) };
}

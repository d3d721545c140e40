import { createActor, toPromise } from 'xstate';
import { type Append, durable } from '../src/durable/index.ts';
import { median } from './median.ts';
import { CONTEXT, stubbedOrderTask } from './workload.ts';

/** What it costs to make the order task durable, without a journal that costs anything. */
export interface DurableCost {
  /** Of one order after another, in µs of processor time: what else the machine does is not counted. */
  readonly plain_us: number;
  readonly durable_us: number;
  readonly replayed_entries_s: number;
}

const ORDERS = 200;

/** Plain and durable actors take turns, after a warm-up. */
export async function measureDurable(rounds: number): Promise<DurableCost> {
  let published = 0;
  const { machine } = stubbedOrderTask(async () => {
    published += 1;
    return { stream: 'ORDERS', sequence: published, duplicate: false };
  });
  const inputOf = (id: string) => ({ id, context: CONTEXT });
  let journal: Parameters<Append>[1]['entries'][number][] = [];
  let sequence = 0;
  const append: Append = async (_, { entries }) => {
    journal.push(...entries);
    sequence += 1;
    return sequence;
  };
  const systems = {
    plain: async (id: string) => {
      await toPromise(createActor(machine, { input: inputOf(id) }).start());
    },
    durable: async (id: string) => {
      journal = [];
      sequence = 0;
      await durable(machine, { id, input: inputOf(id), append })
        .start()
        .output();
    },
    replay: async (id: string) => {
      // Without its end: it goes live, and is stopped before anything more is done.
      const entries = journal.slice(0, -1);
      durable(machine, { id, entries, sequence, append: () => new Promise(() => {}) })
        .start()
        .stop();
    },
  };
  const times = { plain: [] as number[], durable: [] as number[], replay: [] as number[] };
  const run = async (system: keyof typeof systems) => {
    const begun = process.cpuUsage();
    for (let order = 0; order < ORDERS; order += 1) await systems[system](`bench-${order}`);
    const { user, system: kernel } = process.cpuUsage(begun);
    times[system].push((user + kernel) / ORDERS);
  };
  const warmUps = 3;
  for (let round = 0; round < warmUps + 3 * rounds; round += 1) {
    await run('plain');
    await run('durable');
    await run('replay');
  }
  const of = (system: keyof typeof systems) => median(times[system].slice(warmUps));
  return {
    plain_us: Math.round(of('plain')),
    durable_us: Math.round(of('durable')),
    replayed_entries_s: Math.round(((journal.length - 1) * 1_000_000) / of('replay')),
  };
}

/**
 * What `npm run bench` runs: orders a second of the bare chart, through the supervisor, and through the whole service in memory and
 * in a file; what durability costs an order; what a step costs late in a long task; what a worker holds of tasks that wait; how soon
 * tasks go on whose process was killed.
 * Whatever is compared takes turns, round after round: machines drift.
 */
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { z } from 'zod';
import { measureDurable } from './durable.ts';
import { measureHistory } from './history.ts';
import { measureOrders } from './orders.ts';
import { measureParked } from './parked.ts';
import { measureResume } from './resume.ts';

const PARTS = ['orders', 'durable', 'history', 'parked', 'resume'] as const;

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '1' },
    only: { type: 'string' },
    parked: { type: 'string', default: '10000' },
    resumed: { type: 'string', default: '10000' },
  },
});
const { rounds, seconds, json, only, parked, resumed } = z
  .object({
    rounds: z.coerce.number().int().min(1),
    seconds: z.coerce.number().positive(),
    json: z.boolean(),
    only: z.enum(PARTS).optional(),
    parked: z.coerce.number().int().min(1),
    resumed: z.coerce.number().int().min(1),
  })
  .parse(values);
const isAsked = (part: (typeof PARTS)[number]) => only === undefined || only === part;

const windows = { warmUp: seconds * 500, duration: seconds * 1_000 };
const figures = {
  ...(isAsked('orders') && { runs: await measureOrders(rounds, windows) }),
  ...(isAsked('durable') && { durable: await measureDurable(rounds) }),
  ...(isAsked('history') && { history: await measureHistory(rounds) }),
  ...(isAsked('parked') && { parked: await measureParked(parked) }),
  ...(isAsked('resume') && { resume: await measureResume(resumed) }),
};
if (json) process.stdout.write(`${JSON.stringify(figures)}\n`);
else print(figures);

function print({ runs, durable, history, parked, resume }: typeof figures): void {
  if (runs) {
    const head = 'system|in flight|orders/s|min … max|% of bare|p50 ms|p99 ms|CPU s/1,000|MB'.split('|');
    const rows = runs.map((run) => [
      run.system,
      run.in_flight,
      run.orders_s.median,
      `${run.orders_s.min} … ${run.orders_s.max}`,
      `${run.percent_of_bare} %`,
      run.p50_ms,
      run.p99_ms,
      run.cpu_s_per_1000.worker,
      run.memory_mb.worker,
    ]);
    table(head, rows);
  }
  if (durable) {
    const { plain_us, durable_us, replayed_entries_s } = durable;
    table(
      ['one order at a time', 'plain µs', 'durable µs', 'more µs', 'replayed entries/s'],
      [['', plain_us, durable_us, durable_us - plain_us, replayed_entries_s]],
    );
  }
  if (history) {
    const { steps, service, durable: alone, replay } = history;
    table(
      [`a task of ${steps} steps`, 'early, µs a step', 'late, µs a step'],
      Object.entries({ service, 'durable actor': alone, replay }).map(([what, { early_us, late_us }]) => [
        what,
        early_us,
        late_us,
      ]),
    );
  }
  if (parked) {
    const { tasks, parked_s, before_mb, after_mb } = parked;
    table(
      [`${tasks} parked tasks`, 'heap MB', 'resident MB'],
      [
        ['before', before_mb.heap, before_mb.resident],
        [`after, at ${parked_s}/s`, after_mb.heap, after_mb.resident],
      ],
    );
  }
  if (resume) {
    const { tasks, ready_s, resumed_s } = resume;
    table(
      [`${tasks} tasks in flight, killed`, 'next process ready, s', 'all run again, s'],
      [['', ready_s, resumed_s]],
    );
  }
}

function table(head: string[], rows: (string | number)[][]): void {
  const made = new Table({
    head,
    colAligns: head.map((_, column) => (column === 0 ? 'left' : 'right')),
    style: { head: [], border: [], compact: true },
  });
  made.push(...rows);
  console.log(made.toString());
}

import { styleText } from 'node:util';
import Table from 'cli-table3';
import { createLogUpdate } from 'log-update';
import type { TaskView } from '../../service/index.ts';
import { type DemoOrder, hasEnded } from './order.ts';
import { COLUMNS, signOf } from './words.ts';

/** Shows what each order is doing. */
export interface Progress {
  changed(order: DemoOrder, changed: ReadonlySet<string>): void;
  /** Says a sentence, beside what it shows. */
  say(sentence: string): void;
  /** Shows no more. */
  end(): void;
}

const REDRAW_EVERY = 100;

/** A table on a terminal that moves; drawn again while waits count down. */
export function movingTable(stream: NodeJS.WriteStream, orders: () => readonly DemoOrder[]): Progress {
  const update = createLogUpdate(stream);
  const draw = () => update(tableOf(orders(), stream.rows ?? 40, stream.columns ?? 120));
  const timer = setInterval(draw, REDRAW_EVERY);
  return {
    changed: () => {},
    say: (sentence) => {
      update.clear();
      stream.write(`${sentence}\n`);
    },
    end: () => {
      clearInterval(timer);
      update.clear();
      update.done();
    },
  };
}

/** The borders and heads that cli-table3 colours by itself are left plain: colour says how a step stands. */
const PLAIN = { head: [], border: [], compact: true };

/** Of the columns but the last, with their borders. The others' widths are fixed, so that nothing jumps. */
const WIDTHS = [10, 9, 10, 7, 7, 7];
const FIXED_WIDTH = WIDTHS.reduce((sum, width) => sum + width + 1, 1);
const LEAST_WIDTH = 12;
const MOST_WIDTH = 60;

function tableOf(orders: readonly DemoOrder[], rows: number, columns: number): string {
  const last = Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, columns - FIXED_WIDTH - 1));
  const table = new Table({
    head: ['task', ...Object.values(COLUMNS), 'what is special'],
    colWidths: [...WIDTHS, last],
    style: PLAIN,
  });
  const time = Date.now();
  for (const { id, title, view } of fitting(orders, rows - 6)) {
    const signs = Object.keys(COLUMNS).map((step) => signOf(view.steps[step], time));
    table.push([id, ...signs, `${troubleOf(view)}${title}`]);
  }
  const ended = orders.filter(hasEnded).length;
  return `${table.toString()}\n${ended} of ${orders.length} orders have ended`;
}

/** All of them if the terminal is high enough, else what still runs first. */
function fitting(orders: readonly DemoOrder[], rows: number): readonly DemoOrder[] {
  if (orders.length <= rows) return orders;
  return orders.toSorted((a, b) => Number(hasEnded(a)) - Number(hasEnded(b))).slice(0, Math.max(1, rows));
}

/** Why something has to be done again, or was not done. */
function troubleOf({ steps, error }: TaskView): string {
  const codes = error ? [error.code] : Object.values(steps).flatMap((step) => step.error?.code ?? []);
  return codes.length > 0 ? styleText(error ? 'red' : 'yellow', `${codes.join(', ')} `) : '';
}

/** A line for each change, where nothing can move. */
export function plainLines(print: (line: string) => void): Progress {
  let write = print;
  return {
    changed: ({ id, view }, changed) => {
      for (const name of changed) {
        const step = view.steps[name];
        if (!step) write(`${id}: ${view.status}${view.error ? ` (${view.error.message})` : ''}`);
        else if (step.status === 'waiting_for_retry') {
          write(
            `${id}: ${name} failed, attempt ${step.attempts} (${step.error?.message}). Again in ${step.error?.delay} ms.`,
          );
        } else if (step.status !== 'pending') write(`${id}: ${name} ${step.status}`);
      }
    },
    say: (sentence) => write(sentence),
    end: () => {
      write = () => {};
    },
  };
}

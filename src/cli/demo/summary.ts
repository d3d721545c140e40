import { styleText } from 'node:util';
import Table from 'cli-table3';
import type { DemoOrder, DemoResult } from './order.ts';
import { money } from './words.ts';

/** Of the columns but the last, with their borders. */
const FIXED_WIDTH = 79;
const LEAST_WIDTH = 30;

/** What became of the orders, and what was published. @param columns How wide the terminal is. */
export function summaryOf(
  orders: readonly DemoOrder[],
  { tasks, events }: DemoResult,
  columns: number,
): string {
  const titles = new Map(orders.map(({ id, title }) => [id, title]));
  const table = new Table({
    head: ['task', 'cart', 'total', 'discounted', 'attempts', 'outcome'],
    colAligns: ['left', 'left', 'right', 'right', 'right', 'left'],
    colWidths: [12, 28, 10, 12, 10, Math.max(LEAST_WIDTH, columns - FIXED_WIDTH)],
    wordWrap: true,
    style: { head: [], border: [], compact: true },
  });
  for (const { id, order, error, steps } of tasks) {
    const attempts = Object.values(steps).reduce((sum, step) => sum + step.attempts, 0);
    table.push([
      id,
      titles.get(id) ?? '',
      order ? money(order.total) : '',
      order ? money(order.discounted_total) : '',
      attempts,
      order ? styleText('green', order.status) : styleText('red', `${error?.code}: ${error?.message}`),
    ]);
  }
  const published = events.map(({ type, data }) => `  ${type}  ${data.id}  ${money(data.discounted_total)}`);
  return [table.toString(), '', `Published (${events.length}):`, ...published, ''].join('\n');
}

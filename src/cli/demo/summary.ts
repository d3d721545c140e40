import { styleText } from 'node:util';
import Table from 'cli-table3';
import type { DemoOrder, DemoResult } from './order.ts';
import { money } from './words.ts';

const WIDTHS = [10, 10, 12, 10];
const FIXED_WIDTH = WIDTHS.reduce((sum, width) => sum + width + 1, 2);
const LEAST_WIDTH = 28;
const MOST_WIDTH = 90;

/** What became of the orders, and what was published. @param columns How wide the terminal is. */
export function summaryOf(
  orders: readonly DemoOrder[],
  { tasks, events }: DemoResult,
  columns: number,
): string {
  const titles = new Map(orders.map(({ id, title }) => [id, title]));
  const table = new Table({
    head: ['task', 'total', 'discounted', 'attempts', 'what became of it'],
    colAligns: ['left', 'right', 'right', 'right', 'left'],
    colWidths: [...WIDTHS, Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, columns - FIXED_WIDTH))],
    wordWrap: true,
    style: { head: [], border: [], compact: true },
  });
  for (const { id, order, error, steps } of tasks) {
    const attempts = Object.values(steps).reduce((sum, step) => sum + step.attempts, 0);
    table.push([
      id,
      order ? money(order.total) : '',
      order ? money(order.discounted_total) : '',
      attempts,
      `${titles.get(id)}\n${order ? styleText('green', order.status) : styleText('red', `${error?.code}: ${error?.message}`)}`,
    ]);
  }
  const published = events.map(({ type, data }) => `  ${type}  ${data.id}  ${money(data.discounted_total)}`);
  return [table.toString(), '', `Published (${events.length}):`, ...published, ''].join('\n');
}

import { styleText } from 'node:util';
import type { StepView } from '../../service/index.ts';

/** The demo's columns: the order's steps, in a word each. */
export const COLUMNS = {
  fetch_cart: 'cart',
  fetch_products: 'products',
  validate_products: 'valid',
  create_order: 'order',
  publish_event: 'event',
} as const;

/** How a step stands, in a sign and few letters. @param now ms since the epoch. */
export function signOf(step: StepView | undefined, now: number): string {
  if (!step) return styleText('dim', '·');
  const again = step.attempts > 1 ? ` ×${step.attempts}` : '';
  switch (step.status) {
    case 'pending':
      return styleText('dim', '·');
    case 'running':
      return styleText('cyan', `▸${again}`);
    case 'waiting_for_retry': {
      const seconds = Math.max(0, Date.parse(step.retry_at ?? '') - now) / 1_000;
      return styleText('yellow', `↻ ${seconds.toFixed(1)}s`);
    }
    case 'complete':
    case 'resolved_manually':
      return styleText('green', `✔${again}`);
    case 'error':
      return styleText('red', `✖${again}`);
    case 'cancelled':
      return styleText('dim', '–');
    default:
      return step.status satisfies never;
  }
}

/** An amount of money. */
export function money(amount: number): string {
  return amount.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

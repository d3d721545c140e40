import { draw, fraction, pick } from './hash.ts';

/**
 * Which requests fail, and how: decided, not rolled.
 *
 * - F1. Pure: the same seed, key, count, level and rows give the same outcome, in any process, in any order.
 * - F2. A step (`<task id>/<step>`) fails at most twice, whatever it asks and however often, provided that its
 *   requests cover different rows. So a client with three attempts always gets through.
 * - F3. A step's failures are the first ones of one of its keys: fetched in pages, the page fails that covers a
 *   row chosen by hash, however large the pages are.
 * - F4. No failure without an `Idempotency-Key`, and none at the level `none`.
 */

/** How much fails: nothing, about a third of the steps, nearly all of them. */
export const faultLevels = ['none', 'some', 'many'] as const;
export type FaultLevel = (typeof faultLevels)[number];

/** The ways to fail. Each is as likely as the next. */
export const failureKinds = [
  'http_500',
  'http_502',
  'http_503',
  'http_503_retry_after',
  'http_429_retry_after',
  'http_429_retry_after_date',
  'hang',
  'reset',
  'truncated',
  'not_json',
] as const;
export type FailureKind = (typeof failureKinds)[number];

/** What befalls a request. `slow` comes right in the end: it is no failure. Its `delay` is in ms. */
export type Fault = { readonly kind: FailureKind } | { readonly kind: 'slow'; readonly delay: number };

/** The rows of a collection that a page covers: from `from` up to, not including, `to`, out of `total`. */
export interface Rows {
  readonly from: number;
  readonly to: number;
  readonly total: number;
}

export interface FaultQuestion {
  readonly seed: number;
  /** The `Idempotency-Key`: `<task id>/<step>` or `<task id>/<step>/<request>`. */
  readonly key: string;
  /** How often this key was asked, this time included: 1 for the first. */
  readonly asked: number;
  readonly level: FaultLevel;
  /** Of a request for a page. Without them, one of several requests of a step never fails (see F2). */
  readonly rows?: Rows;
}

/** The shares of steps that fail, and of the requests that do not fail but are slow. */
const shares = {
  none: { failing: 0, slow: 0 },
  some: { failing: 1 / 3, slow: 1 / 10 },
  many: { failing: 19 / 20, slow: 1 / 4 },
} as const satisfies Record<FaultLevel, unknown>;

const slowest = 400;
const fastest = 150;

/** Says what befalls a request, or `undefined` where nothing does. */
export function planFault(question: FaultQuestion): Fault | undefined {
  if (question.level === 'none') return undefined;
  return planFailure(question) ?? planDelay(question);
}

function planFailure({ seed, key, asked, level, rows }: FaultQuestion): Fault | undefined {
  const { step, alone } = parseKey(key);
  const [fails, twice, row, first, second] = draw(`${seed} fails ${step}`);
  if (fraction(fails) >= shares[level].failing) return undefined;
  if (asked > 1 + pick(twice, 2)) return undefined;
  if (rows === undefined ? !alone : !covers(rows, pick(row, rows.total))) return undefined;
  const kind = failureKinds[pick(asked === 1 ? first : second, failureKinds.length)];
  return kind && { kind };
}

function planDelay({ seed, key, asked, level }: FaultQuestion): Fault | undefined {
  const [slow, delay] = draw(`${seed} slows ${key} ${asked}`);
  if (fraction(slow) >= shares[level].slow) return undefined;
  return { kind: 'slow', delay: fastest + pick(delay, slowest - fastest + 1) };
}

/** A key with nothing behind its step belongs to the only request of that step. */
function parseKey(key: string): { step: string; alone: boolean } {
  const parts = key.split('/');
  return { step: parts.slice(0, 2).join('/'), alone: parts.length <= 2 };
}

function covers({ from, to }: Rows, row: number): boolean {
  return from <= row && row < to;
}

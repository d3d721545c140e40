import type { FailureKind } from './faults.ts';

/**
 * What the demo shop was asked, and how often under each key.
 *
 * - A call is listed from the moment it arrives; `answer` and `ended_at` follow, before the client can see the
 *   answer. A hanging call has its `answer` at once and its `ended_at` when its connection ends.
 * - Memory is bounded: at least the last `keptCalls` calls and the last `keptKeys` keys asked are known.
 *   A key that was forgotten counts from 1 again.
 */

/** A call's answer: a status, the way it failed, or `left` where the connection ended before it. */
export type ShopAnswer = number | FailureKind | 'left';

export interface ShopCall {
  readonly method: string;
  /** With its query, as it was sent. */
  readonly path: string;
  /** The `Idempotency-Key`. */
  readonly key?: string;
  /** The `User-Agent`. */
  readonly agent?: string;
  /** How often this key was asked, this time included. 0 without a key. */
  readonly asked: number;
  /** For how many ms a right answer was held back. @default 0 */
  readonly delay: number;
  /** Missing while the call waits for it. */
  readonly answer?: ShopAnswer;
  /** In ms since the epoch. */
  readonly started_at: number;
  /** In ms since the epoch: when the answer was handed to the connection, or a hanging call's connection ended. */
  readonly ended_at?: number;
}

/** A call that its server still writes. */
export type OpenCall = { -readonly [Field in keyof ShopCall]: ShopCall[Field] };

export const keptCalls = 100_000;
export const keptKeys = 200_000;

/** How far the lists may grow over their bound before they are cut: cutting at each call would cost a copy. */
const slack = 10_000;

export class CallLog {
  readonly calls: OpenCall[] = [];
  readonly #asked = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  begin(method: string, path: string, key: string | undefined, agent?: string): OpenCall {
    const call: OpenCall = {
      method,
      path,
      ...(key !== undefined && { key }),
      ...(agent !== undefined && { agent }),
      asked: key === undefined ? 0 : this.#count(key),
      delay: 0,
      started_at: this.#now(),
    };
    this.calls.push(call);
    if (this.calls.length >= keptCalls + slack) this.calls.splice(0, slack);
    return call;
  }

  /** The first end stands, and so does an answer that was set before. */
  end(call: OpenCall, answer: ShopAnswer): void {
    if (call.ended_at !== undefined) return;
    call.answer ??= answer;
    call.ended_at = this.#now();
  }

  #count(key: string): number {
    const asked = (this.#asked.get(key) ?? 0) + 1;
    // Taken out first, so that it goes to the end: the map's first keys are those not asked for longest.
    this.#asked.delete(key);
    this.#asked.set(key, asked);
    if (this.#asked.size > keptKeys) {
      for (const oldest of this.#asked.keys()) {
        this.#asked.delete(oldest);
        break;
      }
    }
    return asked;
  }
}

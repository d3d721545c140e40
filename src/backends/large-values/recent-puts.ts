import { type Clock, now } from '../../../machines/clock.ts';

/**
 * How long a value counts as put, in ms. A backend keeps what was put for an hour at least, whatever becomes of the
 * journals that refer to it: so an append has half an hour left. That a value was read lately would say nothing: the last journal
 * that refers to it may go at any time.
 */
const RECENT = 30 * 60 * 1000;

/** How many are remembered. */
const MOST = 10_000;

interface Put {
  readonly at: number;
  readonly done: Promise<unknown>;
}

/** What this process has put of late, or is putting: it need not be put again. */
export class RecentPuts {
  readonly #clock: Clock;
  /** By hash, the oldest first. */
  readonly #puts = new Map<string, Put>();

  /** @param clock That the backend lives by. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Puts unless it was put of late. @throws What `put` throws; then it was not. */
  async put(hash: string, put: () => Promise<unknown>): Promise<void> {
    const at = now(this.#clock);
    const recent = this.#puts.get(hash);
    const age = recent ? at - recent.at : RECENT;
    // A clock that was set back tells nothing.
    if (recent && age >= 0 && age < RECENT) {
      await recent.done;
      return;
    }
    const done = put();
    const own = { at, done };
    this.#remember(hash, own);
    try {
      await done;
    } catch (error) {
      if (this.#puts.get(hash) === own) this.#puts.delete(hash);
      throw error;
    }
  }

  #remember(hash: string, put: Put): void {
    this.#puts.delete(hash);
    this.#puts.set(hash, put);
    for (const [oldest, { at }] of this.#puts) {
      if (this.#puts.size <= MOST && put.at - at < RECENT) return;
      this.#puts.delete(oldest);
    }
  }
}

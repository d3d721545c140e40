import { randomUUID } from 'node:crypto';
import type { Clock } from '../../machines/clock.ts';
import type { Json } from '../../machines/json.ts';
import type { Entry } from './entry.ts';

/** Entries that become durable together; a `Commit` of the backends' journal. */
export interface Batch {
  /** The same when it is appended again. */
  readonly id: string;
  /** Of this actor in this life, and of nobody else. */
  readonly writer: string;
  readonly entries: readonly Json[];
  /** The machine ended with it. */
  readonly closing: boolean;
}

/**
 * Appends to the actor's journal and resolves with the batch's sequence once it is durable. It rejects
 *
 * - with a {@link Conflict}, if another batch stands where this one was to be;
 * - with an error that says `retryable: true`, if it is unknown whether it was stored: the same call is repeated;
 * - with an `EntryRefusedError`, if one entry will never be taken;
 * - with anything else, if it never will work: the actor stops.
 *
 * A journal of `src/backends` needs no more than its task's id: `(expected, batch) => journal.append(id, expected, batch)`.
 */
export type Append = (expected: number, batch: Batch) => Promise<number>;

/** Another batch stands there. `JournalConflictError` is one. */
export interface Conflict {
  /** The last batch's; 0 if the journal is empty. */
  readonly sequence: number;
  /** Who wrote the last batch; undefined if the journal is empty. */
  readonly writer: string | undefined;
  readonly expected: number;
}

export type Written = { readonly status: 'stored' | 'closed' } | LostTo;
interface LostTo {
  readonly status: 'lost';
  readonly to: Conflict;
}

/** The first wait before an append is repeated, and the longest, in ms. */
const FIRST_WAIT = 50;
const LONGEST_WAIT = 5_000;

/**
 * D3. Appends one batch after another.
 *
 * - An append without an answer is repeated, the very same, until there is one.
 * - A conflict with a batch of our own means that it was stored; with any other, that ownership is lost. Our own is told
 *   by the writer, who has one batch in flight: so a writer must be new in every life of an actor.
 */
export class Writer {
  readonly #name: string;
  readonly #append: Append;
  readonly #clock: Clock;
  readonly #onUnanswered: (error: unknown) => void;
  #sequence: number;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(options: {
    readonly name: string | undefined;
    readonly append: Append;
    readonly sequence: number;
    readonly clock: Clock;
    readonly onUnanswered: (error: unknown) => void;
  }) {
    this.#name = options.name === undefined ? randomUUID() : `${options.name}:${randomUUID()}`;
    this.#append = options.append;
    this.#sequence = options.sequence;
    this.#clock = options.clock;
    this.#onUnanswered = options.onUnanswered;
  }

  /** Of the last batch. */
  get sequence(): number {
    return this.#sequence;
  }

  /** @throws What the journal refuses it with. */
  async write(entries: readonly Entry[], closing: boolean): Promise<Written> {
    const batch: Batch = {
      id: randomUUID(),
      writer: this.#name,
      entries: entries as unknown as readonly Json[],
      closing,
    };
    for (let wait = FIRST_WAIT; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
      try {
        this.#sequence = await this.#append(this.#sequence, batch);
        return { status: this.#closed ? 'closed' : 'stored' };
      } catch (error) {
        if (this.#closed) return { status: 'closed' };
        if (isConflict(error)) {
          if (error.writer !== this.#name || error.sequence === this.#sequence) {
            return { status: 'lost', to: error };
          }
          this.#sequence = error.sequence;
          return { status: 'stored' };
        }
        if (!isUnanswered(error)) throw error;
        this.#onUnanswered(error);
        await this.#sleep(wait);
        if (this.#closed) return { status: 'closed' };
      }
    }
  }

  /** Nothing is repeated any more. An append that is under way may still be stored. */
  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer: unknown = this.#clock.setTimeout(resolve, ms);
      this.#wake = () => {
        this.#clock.clearTimeout(timer);
        resolve();
      };
    });
  }
}

function isConflict(error: unknown): error is Conflict {
  return error instanceof Error && 'sequence' in error && 'writer' in error && 'expected' in error;
}

function isUnanswered(error: unknown): boolean {
  return error instanceof Error && 'retryable' in error && error.retryable === true;
}

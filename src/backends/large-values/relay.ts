import type { Clock } from '../../../machines/clock.ts';
import { UnavailableError } from '../errors/unavailable-error.ts';
import { type Listener, tellGap } from '../followers.ts';
import type { StoredCommit } from '../port.ts';
import { reportThrown } from '../report.ts';

/** How long blobs that could not be read are left alone, in ms. */
const RETRY_DELAY = 1_000;

/**
 * Hands commits over to a follower as they were given, which takes time where their values have to be read.
 *
 * Invariants:
 * - They come in the order in which they are taken in, without gap: one whose values cannot be read now is tried again until
 *   they can, and all others wait behind it. Of one whose values are gone the follower is told in its place.
 * - Nothing is handed over once it is stopped.
 */
export class Relay {
  readonly #clock: Clock;
  readonly #restored: (commit: StoredCommit) => Promise<StoredCommit>;
  readonly #listener: Listener;
  /** What is under way, if anything is. */
  #tail: Promise<void> | undefined;
  #isStopped = false;
  #endPause: (() => void) | undefined;

  /** @param restored Gives a commit as it was given. */
  constructor(clock: Clock, restored: (commit: StoredCommit) => Promise<StoredCommit>, listener: Listener) {
    this.#clock = clock;
    this.#restored = restored;
    this.#listener = listener;
  }

  /** @param isWhole Nothing has to be read for it. */
  take(commit: StoredCommit, isWhole: boolean): void {
    // What this throws is for whoever hands over to tell of.
    if (isWhole && !this.#tail) this.#listener.onCommit(commit);
    else this.#next(() => this.#hand(commit));
  }

  gap(error: unknown): void {
    this.#next(async () => this.#tellGap(error));
  }

  stop(): void {
    this.#isStopped = true;
    this.#endPause?.();
  }

  #next(step: () => Promise<void>): void {
    const tail = (this.#tail ? this.#tail.then(step) : step()).then(() => {
      if (this.#tail === tail) this.#tail = undefined;
    });
    this.#tail = tail;
  }

  async #hand(commit: StoredCommit): Promise<void> {
    while (!this.#isStopped) {
      try {
        const whole = await this.#restored(commit);
        this.#tell(whole);
        return;
      } catch (error) {
        if (!(error instanceof UnavailableError)) return this.#tellGap(error);
      }
      if (!this.#isStopped) await this.#pause();
    }
  }

  #tell(commit: StoredCommit): void {
    if (this.#isStopped) return;
    try {
      this.#listener.onCommit(commit);
    } catch (error) {
      reportThrown('journal.follow', error);
    }
  }

  #tellGap(error: unknown): void {
    if (!this.#isStopped) tellGap(error, this.#listener.onGap);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timeout: unknown = this.#clock.setTimeout(() => this.#endPause?.(), RETRY_DELAY);
      this.#endPause = () => {
        this.#endPause = undefined;
        this.#clock.clearTimeout(timeout);
        resolve();
      };
    });
  }
}

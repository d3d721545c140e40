/**
 * Who follows journals, and how far they are.
 *
 * Invariants:
 * - A follower's position only grows, and commits are looked up from it: no gap, no repeat, and a journal that was
 *   dropped and begun anew is followed further.
 * - Handing over happens in turns of the event loop of its own, so many commits each: never from within an append,
 *   and never before I/O gets its turn.
 */
import type { Clock } from '../../machines/clock.ts';
import type { StoredCommit } from './port.ts';
import { reportFailure, reportThrown } from './report.ts';

/** Reads the commits of a task behind a sequence, as many as it likes; none when there are none. */
export type ReadOn = (taskId: string, after: number) => Iterable<StoredCommit>;

/** How many commits are handed over in one turn of the event loop. */
const TURN = 256;

/** How long a journal that could not be read waits, in ms. */
const RETRY_DELAY = 1_000;

interface Follower {
  position: number;
  isScheduled: boolean;
  isActive: boolean;
  retry: unknown;
  readonly onCommit: (commit: StoredCommit) => void;
}

export class Followers {
  readonly #clock: Clock;
  readonly #readOn: ReadOn;
  readonly #followers = new Map<string, Set<Follower>>();

  constructor(clock: Clock, readOn: ReadOn) {
    this.#clock = clock;
    this.#readOn = readOn;
  }

  /** @returns What ends it. */
  add(taskId: string, position: number, onCommit: (commit: StoredCommit) => void): () => Promise<void> {
    const follower: Follower = { position, isScheduled: false, isActive: true, retry: undefined, onCommit };
    const followers = this.#followers.get(taskId) ?? new Set();
    this.#followers.set(taskId, followers.add(follower));
    this.#wake(taskId, follower);
    return async () => {
      follower.isActive = false;
      if (follower.retry !== undefined) this.#clock.clearTimeout(follower.retry);
      followers.delete(follower);
      if (followers.size === 0 && this.#followers.get(taskId) === followers) this.#followers.delete(taskId);
    };
  }

  /** A commit of the task was stored. */
  wake(taskId: string): void {
    for (const follower of this.#followers.get(taskId) ?? []) this.#wake(taskId, follower);
  }

  #wake(taskId: string, follower: Follower): void {
    if (follower.isScheduled) return;
    follower.isScheduled = true;
    setImmediate(() => {
      follower.isScheduled = false;
      if (!follower.isActive) return;
      try {
        if (this.#handOver(taskId, follower)) this.#wake(taskId, follower);
      } catch (error) {
        reportFailure(`A follower of task ${taskId} could not read on; it tries again`, error);
        this.#retry(taskId, follower);
      }
    });
  }

  /** Whether there may be more. */
  #handOver(taskId: string, follower: Follower): boolean {
    let handedOver = 0;
    for (const commit of this.#readOn(taskId, follower.position)) {
      if (!follower.isActive) return false;
      if (handedOver++ === TURN) return true;
      follower.position = commit.sequence;
      try {
        follower.onCommit(commit);
      } catch (error) {
        reportThrown('journal.follow', error);
      }
    }
    return handedOver > 0;
  }

  #retry(taskId: string, follower: Follower): void {
    follower.retry = this.#clock.setTimeout(() => {
      follower.retry = undefined;
      this.#wake(taskId, follower);
    }, RETRY_DELAY);
  }
}

/**
 * Who follows journals, and how far they are.
 *
 * Invariants:
 * - A follower's position only grows, and commits are looked up from it: no gap, no repeat, and a journal that was
 *   dropped and begun anew is followed further. Whoever had not all of it when it was dropped is told so, before what comes then.
 * - Handing over happens in turns of the event loop of its own, so many commits each: never from within an append,
 *   and never before I/O gets its turn.
 */
import type { Clock } from '../../machines/clock.ts';
import { JournalDroppedError } from './errors/journal-dropped-error.ts';
import type { StoredCommit } from './port.ts';
import { reportFailure, reportThrown } from './report.ts';

/** Reads the commits of a task behind a sequence, as many as it likes; none when there are none. */
export type ReadOn = (taskId: string, after: number) => Iterable<StoredCommit>;

/** How many commits are handed over in one turn of the event loop. */
const TURN = 256;

/** How long a journal that could not be read waits, in ms. */
const RETRY_DELAY = 1_000;

/** Who is told, and of what. */
export interface Listener {
  readonly onCommit: (commit: StoredCommit) => void;
  /** @default a warning of the process */
  readonly onGap?: ((error: unknown) => void) | undefined;
}

interface Follower extends Listener {
  position: number;
  /** The last sequence of a journal that was dropped. */
  dropped: number;
  isScheduled: boolean;
  isActive: boolean;
  retry: unknown;
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
  add(taskId: string, position: number, listener: Listener): () => Promise<void> {
    const state = { position, dropped: 0, isScheduled: false, isActive: true, retry: undefined };
    const follower: Follower = { ...listener, ...state };
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

  /** Whether somebody follows the task. */
  has(taskId: string): boolean {
    return this.#followers.has(taskId);
  }

  /** The task's journal is gone. To be called before anybody can find another one. @param last Its last sequence. */
  dropped(taskId: string, last: number): void {
    for (const follower of this.#followers.get(taskId) ?? []) {
      follower.dropped = last;
      this.#wake(taskId, follower);
    }
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
    if (follower.position < follower.dropped) {
      const gap = new JournalDroppedError(taskId, follower.position);
      follower.position = follower.dropped;
      tellGap(gap, follower.onGap);
      return true;
    }
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

/** Tells a follower of what it will not get. */
export function tellGap(gap: unknown, onGap: Listener['onGap']): void {
  if (!onGap) {
    reportFailure('A follower of a journal misses some of it', gap);
    return;
  }
  try {
    onGap(gap);
  } catch (error) {
    reportThrown('journal.follow', error);
  }
}

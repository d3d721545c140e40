/**
 * Who follows journals, and how far they are.
 *
 * Invariants:
 * - A follower's position only grows, and commits are read from it, where writes are decided: no gap, no repeat, and a journal
 *   that was dropped and begun anew is followed further.
 * - What a stream takes also goes to whoever listens on its subject: that is the hint to read. It comes before the commit is
 *   stored, or not at all where the connection was lost; so it is looked for several times, when the connection is back, and
 *   now and then.
 * - Handing over happens in turns of the event loop of its own.
 */
import type { Subscription as NatsSubscription } from 'nats';
import { JournalDroppedError } from '../errors/journal-dropped-error.ts';
import { UnavailableError } from '../errors/unavailable-error.ts';
import { type Listener, tellGap } from '../followers.ts';
import type { StoredCommit } from '../port.ts';
import { reportFailure, reportThrown } from '../report.ts';
import type { Connection } from './connection.ts';
import type { KeptCommit } from './stored-commit.ts';

/** What there is of a journal behind a sequence, and the last commit of it; whether it is gone, though some of it is there. */
interface Remains {
  readonly commits: readonly KeptCommit[];
  readonly last: KeptCommit | undefined;
  readonly isGone: boolean;
}

export type ReadOn = (taskId: string, after: number) => Promise<Remains>;

/** How long after a hint its commit is looked for, in ms, from one look to the next. */
const LOOKS = [5, 50, 500, 5_000];

/** How often is looked without a hint, in ms. */
const INTERVAL = 30_000;

class Follower {
  readonly #taskId: string;
  readonly #readOn: ReadOn;
  readonly #listener: Listener;
  /** The last commit that was handed over, unless what came after it is known to be missing. */
  #last: StoredCommit | undefined;
  #position: number;
  #isActive = true;
  #isReading = false;
  #isWoken = false;
  /** How many commits were hinted at that have not come. */
  #hints = 0;
  #look = LOOKS.length;
  #timer: NodeJS.Timeout | undefined;

  constructor(taskId: string, position: number, readOn: ReadOn, listener: Listener) {
    this.#taskId = taskId;
    this.#position = position;
    this.#readOn = readOn;
    this.#listener = listener;
    this.wake();
  }

  stop(): void {
    this.#isActive = false;
    clearTimeout(this.#timer);
  }

  /** A commit is on its way. */
  hint(): void {
    this.#hints++;
    this.#look = 0;
    if (!this.#isReading) this.#rest();
  }

  /** A commit may be there. */
  wake(): void {
    this.#isWoken = true;
    if (!this.#isReading) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isReading = true;
    clearTimeout(this.#timer);
    while (this.#isActive && this.#isWoken) {
      this.#isWoken = false;
      try {
        const { commits, last, isGone } = await this.#readOn(this.#taskId, this.#position);
        await new Promise((resolve) => setImmediate(resolve));
        // Who had some of it before it was gone gets the rest.
        if (isGone && !this.#last) continue;
        this.#lookForGap(commits[0], last);
        for (const { commit } of commits) this.#handOver(commit);
      } catch (error) {
        // What is away comes back: then it is looked again.
        if (this.#isActive && !(error instanceof UnavailableError)) {
          reportFailure(`A follower of task ${this.#taskId} could not read on; it tries again`, error);
        }
        this.hint();
      }
    }
    this.#isReading = false;
    this.#rest();
  }

  /** A journal that went before it was read to its end. */
  #lookForGap(next: KeptCommit | undefined, last: KeptCommit | undefined): void {
    if (!this.#isActive || !this.#last) return;
    const isGap = next
      ? next.previous !== this.#last.sequence && !(this.#last.closing && next.previous === 0)
      : !last && !this.#last.closing;
    if (!isGap) return;
    this.#last = undefined;
    tellGap(new JournalDroppedError(this.#taskId, this.#position), this.#listener.onGap);
  }

  #handOver(commit: StoredCommit): void {
    if (!this.#isActive) return;
    this.#position = commit.sequence;
    this.#last = commit;
    if (this.#hints > 0) this.#hints--;
    try {
      this.#listener.onCommit(commit);
    } catch (error) {
      reportThrown('journal.follow', error);
    }
  }

  #rest(): void {
    if (!this.#isActive) return;
    clearTimeout(this.#timer);
    // One that was refused never comes.
    if (this.#look === LOOKS.length) this.#hints = 0;
    const ms = (this.#hints > 0 ? LOOKS[this.#look++] : undefined) ?? INTERVAL;
    this.#timer = setTimeout(() => this.wake(), ms);
  }
}

interface Followed {
  readonly followers: Set<Follower>;
  readonly hints: NatsSubscription;
}

export class JournalFollowers {
  readonly #connection: Connection;
  readonly #filterOf: (taskId: string) => string;
  readonly #readOn: ReadOn;
  readonly #followed = new Map<string, Followed>();

  constructor(connection: Connection, filterOf: (taskId: string) => string, readOn: ReadOn) {
    this.#connection = connection;
    this.#filterOf = filterOf;
    this.#readOn = readOn;
    connection.onChange((isConnected) => {
      if (isConnected) for (const taskId of this.#followed.keys()) this.wake(taskId);
    });
  }

  /** @returns What ends it. */
  add(taskId: string, position: number, listener: Listener): () => Promise<void> {
    const followed = this.#followed.get(taskId) ?? this.#listen(taskId);
    const follower = new Follower(taskId, position, this.#readOn, listener);
    followed.followers.add(follower);
    return async () => {
      follower.stop();
      if (!followed.followers.delete(follower) || followed.followers.size > 0) return;
      this.#followed.delete(taskId);
      followed.hints.unsubscribe();
    };
  }

  /** A commit of the task is stored. */
  wake(taskId: string): void {
    for (const follower of this.#followed.get(taskId)?.followers ?? []) follower.wake();
  }

  #listen(taskId: string): Followed {
    const followers = new Set<Follower>();
    const hints = this.#connection.nats.subscribe(this.#filterOf(taskId), {
      callback: () => {
        for (const follower of followers) follower.hint();
      },
    });
    const followed = { followers, hints };
    this.#followed.set(taskId, followed);
    return followed;
  }
}

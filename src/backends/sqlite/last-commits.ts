/**
 * The last commit of each journal that is being written to, so that an append need not look it up.
 *
 * Invariants:
 * - What it says is so in the file as the transaction sees it: it is told of each store in the transaction that
 *   stores, and forgets everything when one is rolled back. Nobody else writes to the file (F1).
 * - No closed journal is in it, and only closed ones are dropped.
 * - It holds so many at most: those that were written to last.
 */
export interface LastCommit {
  readonly journal: number;
  readonly sequence: number;
  readonly id: string;
  readonly writer: string;
  readonly isClosing: boolean;
}

const MOST = 8_192;

export class LastCommits {
  readonly #commits = new Map<string, LastCommit>();

  get(taskId: string): LastCommit | undefined {
    return this.#commits.get(taskId);
  }

  set(taskId: string, commit: LastCommit): void {
    // Behind all others: a map gives its keys in the order in which they were set.
    this.#commits.delete(taskId);
    if (commit.isClosing) return;
    this.#commits.set(taskId, commit);
    if (this.#commits.size <= MOST) return;
    for (const oldest of this.#commits.keys()) {
      this.#commits.delete(oldest);
      return;
    }
  }

  clear(): void {
    this.#commits.clear();
  }
}

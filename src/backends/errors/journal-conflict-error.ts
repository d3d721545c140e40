/** The commit that stands where another was to be appended. */
export interface StandingCommit {
  /** Of the journal's last commit; 0 when the journal is empty. */
  readonly sequence: number;
  /** Who wrote it; undefined when the journal is empty. */
  readonly writer: string | undefined;
}

/**
 * Another commit stands where one was to be appended: somebody else owns the task now. Stop at once: acknowledge
 * nothing, keep nothing.
 */
export class JournalConflictError extends Error {
  override readonly name = 'JournalConflictError';
  readonly taskId: string;
  /** The sequence that the caller took for the journal's last. */
  readonly expected: number;
  /** The one that it has; 0 when the journal is empty. */
  readonly sequence: number;
  /** Whose commit that is; undefined when the journal is empty. */
  readonly writer: string | undefined;

  constructor(taskId: string, expected: number, standing: StandingCommit) {
    const found =
      standing.writer === undefined
        ? 'is empty'
        : `ends with ${standing.sequence} by writer ${JSON.stringify(standing.writer)}`;
    super(
      `The journal of task ${JSON.stringify(taskId)} ${found}, where ${expected} was expected. ` +
        'Read it again before writing to it.',
    );
    this.taskId = taskId;
    this.expected = expected;
    this.sequence = standing.sequence;
    this.writer = standing.writer;
  }
}

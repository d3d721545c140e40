/** A journal was dropped, its retention being over, before a follower had all of it. */
export class JournalDroppedError extends Error {
  override readonly name = 'JournalDroppedError';
  readonly taskId: string;
  /** Up to where the follower had it. */
  readonly after: number;

  constructor(taskId: string, after: number) {
    super(
      `The journal of task "${taskId}" was dropped after its retention; who followed it had it up to sequence ${after}, and not the rest.`,
    );
    this.taskId = taskId;
    this.after = after;
  }
}

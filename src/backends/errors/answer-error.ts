/** Whoever runs a task was asked something and threw: it cannot be done, or not now. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';
  readonly taskId: string;

  /** @param thrown What was thrown, or its message, where that is all that came over. */
  constructor(taskId: string, thrown: unknown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    super(`Whoever runs the task ${JSON.stringify(taskId)} could not answer: ${reason}`);
    this.taskId = taskId;
  }
}

/** A task is defined wrongly: a mistake in code, to be mended there. Nothing was run. */
export class DefinitionError extends Error {
  override readonly name = 'DefinitionError';
  /** The task's name as it was given. */
  readonly task: string;
  /** The steps that the mistake is about. */
  readonly steps: readonly string[];

  constructor(task: string, steps: readonly string[], message: string) {
    super(`Task "${task}": ${message}`);
    this.task = task;
    this.steps = steps;
  }
}

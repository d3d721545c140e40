import { formatIssues, type Issue } from '../issue.ts';

/** A request for a task is not as it should be. Nothing was started. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  /** The task's name as it was asked for, if it said one. */
  readonly task: string | undefined;
  /** Everything that is wrong, by field. */
  readonly issues: readonly Issue[];

  constructor(task: string | undefined, issues: readonly Issue[]) {
    super(
      `The request${task === undefined ? '' : ` for task "${task}"`} is refused: ${formatIssues(issues)}`,
    );
    this.task = task;
    this.issues = issues;
  }
}

import { formatIssues, type Issue } from '../../../machines/issue.ts';

/** The service cannot be started with these variables or arguments. Nothing was opened: change them and start again. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';

  /** A line each. */
  constructor(issues: readonly Issue[]) {
    super(issues.map((issue) => formatIssues([issue])).join('\n'));
  }
}

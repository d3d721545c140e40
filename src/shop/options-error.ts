import { formatIssues, type Issue } from '../../machines/issue.ts';

/** Options that a shop client cannot be made with. A mistake of the program or its configuration: nothing was asked of the shop. */
export class ShopClientOptionsError extends Error {
  override readonly name = 'ShopClientOptionsError';
  /** Each option that cannot be taken, with what was expected and what it is. */
  readonly issues: readonly Issue[];

  constructor(issues: readonly Issue[]) {
    super(`The shop client cannot be made: ${formatIssues(issues)}.`);
    this.issues = issues;
  }
}

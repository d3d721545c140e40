import type { z } from 'zod';
import { type CheckIssue, formatIssues, issuesOf } from '../issue.ts';
import { NotJsonError } from '../not-json-error.ts';
import type { EffectArguments } from './effect.ts';
import type { Failure } from './failure.ts';
import { assertOutput } from './output.ts';
import { isStrayPromise } from './promises.ts';
import { messageOf } from './thrown.ts';

/** What a check is given: an effect's arguments but for what belongs to attempts. */
export type CheckArguments<Context, Results> = Pick<
  EffectArguments<Context, Results>,
  'id' | 'context' | 'results'
>;

/**
 * A step without effect: a pure function of earlier outputs, computed once. It names every issue, not only
 * the first; one issue is enough to reject the task.
 */
export type Check<Context, Results, Output, Code extends string> = (
  args: CheckArguments<Context, Results>,
) => { readonly output: Output } | { readonly issues: readonly CheckIssue<Code>[] };

/** What came of a check, kept in the chart's context while its guards decide. */
export type Verdict =
  | { readonly output: unknown }
  | { readonly issues: readonly CheckIssue[] }
  | { readonly failure: Failure };

export interface CheckRules {
  readonly name: string;
  readonly output: z.ZodType;
  /** Code → reason. */
  readonly issues: Readonly<Record<string, string>>;
  readonly check: Check<never, never, unknown, string>;
}

interface Found {
  readonly output: unknown;
  readonly issues: readonly CheckIssue[];
}

/** Those of a list of any length that are kept; the last one then counts the rest. */
const MOST_ISSUES = 1_000;

/** Runs a check. Never throws: what goes wrong in it is a failure of the step, which no retry can mend. */
export function verdictOf(rules: CheckRules, args: CheckArguments<unknown, unknown>): Verdict {
  const failed = (code: string, message: string): Verdict => ({ failure: { code, message, attempt: 1 } });
  try {
    const found: Partial<Found> = rules.check(args as CheckArguments<never, never>);
    if (isStrayPromise(found)) {
      return failed(
        'invalid_check',
        `Check "${rules.name}" gave a promise; a check is synchronous. Make it an effect.`,
      );
    }
    const { issues = [] } = found;
    if (issues.length > 0) {
      const undeclared = issues.find(({ code }) => !Object.hasOwn(rules.issues, code));
      if (undeclared) {
        const declared = Object.keys(rules.issues).join(', ');
        return failed(
          'invalid_check',
          `Check "${rules.name}" found issue "${undeclared.code}", which it does not declare (it declares ${declared}).`,
        );
      }
      return { issues: bounded(issues) };
    }
    if (!('output' in found)) {
      return failed('invalid_check', `Check "${rules.name}" gave neither an output nor an issue.`);
    }
    const parsed = rules.output.safeParse(found.output, { reportInput: true });
    if (parsed.success) {
      assertOutput(rules.name, parsed.data);
      return { output: parsed.data };
    }
    const misfits = issuesOf(parsed.error.issues, ['output']);
    return failed('invalid_data', `Check "${rules.name}" gave a wrong output: ${formatIssues(misfits)}`);
  } catch (thrown) {
    if (thrown instanceof NotJsonError) return failed(thrown.code, messageOf(thrown));
    return failed('invalid_check', `Check "${rules.name}" threw: ${messageOf(thrown)}`);
  }
}

function bounded(issues: readonly CheckIssue[]): readonly CheckIssue[] {
  const omitted = issues[MOST_ISSUES - 1];
  if (issues.length <= MOST_ISSUES || !omitted) return issues;
  const rest = issues.length - MOST_ISSUES + 1;
  return [...issues.slice(0, MOST_ISSUES - 1), { code: omitted.code, message: `… and ${rest} issues more` }];
}

import type { z } from 'zod';

/** What is wrong with one place in some data. */
export interface Issue {
  /** Where, in dots and brackets: `context.cart_id`, `products[2].price`. Empty for the whole. */
  readonly path: string;
  /** What was expected there and what was found. */
  readonly message: string;
}

/** One reason for which a check rejects the task. */
export interface CheckIssue<Code extends string = string> {
  /** One of the codes that the step declares in `issues`. */
  readonly code: Code;
  /** Which line of the data it is about, counted from 1; none for the whole. */
  readonly line?: number;
  /** For a person: what is wrong, with the values. */
  readonly message: string;
}

/** The issues of data from outside are many at times: a list of ten thousand wrong rows. */
const MOST_ISSUES = 50;
const LONGEST_VALUE = 80;

/** A place in data as a person writes it: `['products', 2, 'price']` → `products[2].price`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? String(key) : `${text}.${String(key)}`;
  }, '');
}

/**
 * The issues that zod found, each with the value that was there. At most {@link MOST_ISSUES} are told; a last one counts the rest.
 *
 * @param issues As `safeParse(data, { reportInput: true })` gives them.
 * @param at Where the parsed data itself stands, such as `['context']`.
 */
export function issuesOf(issues: readonly z.core.$ZodIssue[], at: readonly PropertyKey[] = []): Issue[] {
  const each = issues.flatMap(byKey);
  const told = each.slice(0, MOST_ISSUES).map((issue) => ({
    path: formatPath([...at, ...issue.path]),
    message: describe(issue),
  }));
  const rest = each.length - told.length;
  return rest > 0 ? [...told, { path: formatPath(at), message: `… and ${rest} issues more` }] : told;
}

/** All issues in a sentence each, one after another. */
export function formatIssues(issues: readonly Issue[]): string {
  return issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ');
}

/** Zod tells of all unknown keys at once; each is a place of its own. */
function byKey(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'unrecognized_keys') return [issue];
  return issue.keys.map((key) => ({
    code: 'custom',
    path: [...issue.path, key],
    message: 'no such field is known',
    input: (issue.input as Record<string, unknown> | undefined)?.[key],
  }));
}

function describe(issue: z.core.$ZodIssue): string {
  const { input } = issue;
  if (input === undefined || (typeof input === 'object' && input !== null)) return issue.message;
  const value = typeof input === 'string' ? JSON.stringify(input) : String(input);
  return `${issue.message} (it is ${value.length > LONGEST_VALUE ? `${value.slice(0, LONGEST_VALUE)}…` : value})`;
}

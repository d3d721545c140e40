import type { z } from 'zod';

/** Options that a backend cannot be made with. A mistake of the program: it should not start. */
export class InvalidOptionsError extends Error {
  override readonly name = 'InvalidOptionsError';

  /**
   * @param maker What the options were given to: `memoryBackend`.
   * @param options As they were given, for the values.
   * @param issues As zod found them: each becomes a line that names the option, its value and what was expected.
   */
  constructor(maker: string, options: unknown, issues: readonly z.core.$ZodIssue[]) {
    super(issues.map((issue) => `${maker}: ${line(options, issue)}`).join('\n'));
  }
}

function line(options: unknown, issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `there is no option ${issue.keys.join(', ')}`;
  if (issue.code === 'invalid_key') {
    const key = JSON.stringify(issue.path.at(-1));
    return `${issue.path.slice(0, -1).join('.')} has the key ${key}; ${issue.issues[0]?.message}`;
  }
  let value: unknown = options;
  for (const key of issue.path) value = (value as Record<PropertyKey, unknown> | undefined)?.[key];
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  const name = issue.path.length === 0 ? 'options' : issue.path.join('.');
  return `${name} is ${typeof value === 'string' ? JSON.stringify(value) : text}; ${issue.message}`;
}

import { parseArgs } from 'node:util';
import { z } from 'zod';
import { formatIssues, issuesOf } from '../../../machines/issue.ts';
import { fileSchema } from '../../backends/sqlite/options.ts';
import { shopUrlIssues } from '../shop-url.ts';

export const help = `Usage: npm run demo -- [options]

Runs orders through the whole system, against a local shop that fails on purpose.

Options:
  --carts 1,2,3  the carts to order (default: every cart of the demo shop)
  --data FILE    keeps everything in this file: stopped by Ctrl-C or killed and started again with it, the demo goes on
                 where it was (default: a file that is removed at the end)
  --json         print one JSON object and nothing else (use npm run -s)
  -h, --help     this text

Environment:
  SHOP_URL       another shop of the same shape, instead of the local one
  NO_COLOR       no colours

Exit codes: 0 every order ended as it should (with SHOP_URL: every order ended), 1 one did not, 2 an option
cannot be taken, 4 the file cannot be used, 130 stopped by Ctrl-C.
`;

/** An option of the command line, or a variable of the environment, cannot be taken. */
export class DemoOptionsError extends Error {
  override readonly name = 'DemoOptionsError';
}

const optionsSchema = z.object({
  carts: z
    .string()
    .regex(/^\d+(,\d+)*$/, 'expected whole numbers with commas between them, such as 1,2,3')
    .transform((text) => text.split(',').map(Number))
    .pipe(z.array(z.int().min(1)))
    .optional(),
  data: fileSchema.optional(),
  json: z.boolean().default(false),
  help: z.boolean().default(false),
  SHOP_URL: z.string().optional(),
});
export type DemoOptions = z.output<typeof optionsSchema>;

/** @throws {DemoOptionsError} It names the option, its value and what was expected. */
export function parseDemoOptions(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): DemoOptions {
  const parsed = optionsSchema.safeParse(
    // An empty variable counts as one that is not set.
    { ...parseArguments(args), SHOP_URL: env.SHOP_URL || undefined },
    { reportInput: true },
  );
  if (parsed.success) {
    const issues = shopUrlIssues(parsed.data.SHOP_URL);
    if (issues.length > 0) throw new DemoOptionsError(formatIssues(issues));
    return parsed.data;
  }
  const issues = issuesOf(parsed.error.issues).map(({ path, message }) => ({ path: `--${path}`, message }));
  throw new DemoOptionsError(formatIssues(issues));
}

function parseArguments(args: readonly string[]): object {
  try {
    return parseArgs({
      args: [...args],
      options: {
        carts: { type: 'string' },
        data: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new DemoOptionsError(error instanceof Error ? error.message : String(error));
  }
}

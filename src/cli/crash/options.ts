import { parseArgs } from 'node:util';
import { z } from 'zod';
import { formatIssues, issuesOf } from '../../../machines/issue.ts';

export const help = `Usage: npm run crash -- [options]

Runs orders in processes that are killed at random instants, and checks that nothing is lost, repeated or doubled.

Options:
  --kills N               how many times a worker is killed (default: 20)
  --backend sqlite|nats   what keeps the data: a file, or a nats-server that is started for it (default: sqlite)
  --workers N             how many workers there are at a time (default: 1; with nats: 3)
  --server-kills N        how many times the nats-server is killed, too (default: 0)
  --seed N                another one makes other orders, kills and faults (default: drawn, and told)
  --json                  print one JSON object and nothing else (use npm run -s)
  -h, --help              this text

Exit codes: 0 nothing was lost, repeated or doubled, 1 something was, 2 an option cannot be taken, 130 stopped by Ctrl-C.
`;

/** An option of the command line cannot be taken. */
export class CrashOptionsError extends Error {
  override readonly name = 'CrashOptionsError';
}

const whole = (least: number) => {
  const error = `expected a whole number, ${least} at least`;
  return z
    .string()
    .regex(/^\d{1,9}$/, error)
    .transform(Number)
    .pipe(z.int().min(least, error));
};

const optionsSchema = z
  .object({
    kills: whole(0).default(20),
    backend: z.enum(['sqlite', 'nats'], 'expected sqlite or nats').default('sqlite'),
    workers: whole(1).optional(),
    'server-kills': whole(0).default(0),
    seed: whole(0).optional(),
    json: z.boolean().default(false),
    help: z.boolean().default(false),
  })
  .superRefine(({ backend, workers = 1, 'server-kills': serverKills }, context) => {
    if (backend === 'nats') return;
    const refuse = (path: string, input: number, message: string) =>
      context.addIssue({ code: 'custom', path: [path], input, message });
    if (workers > 1) refuse('workers', workers, 'expected 1 with --backend sqlite: one process has the file');
    if (serverKills > 0)
      refuse('server-kills', serverKills, 'expected 0 with --backend sqlite: it has no server');
  })
  .transform(({ 'server-kills': serverKills, workers, ...options }) => ({
    ...options,
    serverKills,
    workers: workers ?? (options.backend === 'nats' ? 3 : 1),
  }));
export type CrashOptions = z.output<typeof optionsSchema>;

/** @throws {CrashOptionsError} It names the option, its value and what was expected. */
export function parseCrashOptions(args: readonly string[]): CrashOptions {
  const parsed = optionsSchema.safeParse(parseArguments(args), { reportInput: true });
  if (parsed.success) return parsed.data;
  const issues = issuesOf(parsed.error.issues).map(({ path, message }) => ({ path: `--${path}`, message }));
  throw new CrashOptionsError(formatIssues(issues));
}

function parseArguments(args: readonly string[]): object {
  try {
    return parseArgs({
      args: [...args],
      options: {
        kills: { type: 'string' },
        backend: { type: 'string' },
        workers: { type: 'string' },
        'server-kills': { type: 'string' },
        seed: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new CrashOptionsError(error instanceof Error ? error.message : String(error));
  }
}

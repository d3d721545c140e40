import { parseArgs } from 'node:util';
import { z } from 'zod';
import { type Issue, issuesOf } from '../../../machines/issue.ts';
import { type NatsOptions, natsOptionsOf } from '../../backends/nats/index.ts';
import { serverOf } from '../../backends/nats/servers.ts';
import { fileSchema } from '../../backends/sqlite/options.ts';
import { httpOptionsSchema } from '../../http/index.ts';
import { shopUrlIssues } from '../shop-url.ts';
import { SettingsError } from './settings-error.ts';

export const help = `Usage: npm start

The service: runs tasks, keeps them in one file or on NATS JetStream, and answers over HTTP and NATS.

Environment:
  TASKCHART_PORT   the port of the HTTP door (default: 4400; 0 takes a free one)
  TASKCHART_HOST   the address it listens on (default: 127.0.0.1); one that others can reach asks for a token
  TASKCHART_TOKEN  what requests must carry as Authorization: Bearer <token> (default: none is asked for)
  TASKCHART_DATA   the file that keeps everything (default: taskchart.db, in the working directory)
  TASKCHART_TASKS  an ES module with tasks of your own: its default export is an array of tasks, or a
                   function of { publish, records, clock } that gives one (default: the order task alone)
  SHOP_URL         the shop's API (default: a demo shop of its own, which fails on purpose; with NATS_URL it is asked for)

  NATS_URL            NATS servers with JetStream, with commas between them: everything is kept there, not in a file, and shared
                      with all who run on them (default: none)
  NATS_USER, NATS_PASSWORD, NATS_TOKEN, NATS_CREDS (a file), NATS_NKEY (a file)
                      who connects, if the URL does not say it
  NATS_CA, NATS_CERT, NATS_KEY
                      files for TLS
  TASKCHART_REPLICAS  how many of the servers keep each message: 1, 3 or 5 (default: 1)

An empty variable counts as one that is not set. It logs JSON lines to the standard output.
SIGTERM or Ctrl-C drains: it takes no new work, lets what runs come to its end for 10 s, and goes. A second one ends it at once.

Exit codes: 0 drained, 1 something went wrong, 2 a variable cannot be taken, 3 the port cannot be listened on,
4 the data file cannot be used, 5 NATS cannot be used: not reached, access refused, streams of other settings.
`;

const environmentSchema = z.object({
  TASKCHART_DATA: fileSchema.prefault('taskchart.db'),
  TASKCHART_TASKS: z.string().optional(),
  SHOP_URL: z.string().optional(),
  TASKCHART_REPLICAS: z.enum(['1', '3', '5'], { error: 'expected 1, 3 or 5' }).transform(Number).optional(),
});

/** What the service is started with. */
export interface ServeSettings {
  readonly http: z.output<typeof httpOptionsSchema>;
  /** Where everything is kept: the path of a file, absolute, or servers. */
  readonly backend: { readonly file: string } | { readonly nats: NatsOptions };
  /** The path of a module with tasks. */
  readonly tasks: string | undefined;
  readonly shopUrl: string | undefined;
}

/** @throws {SettingsError} It names each variable and argument that cannot be taken, its value and what was expected. */
export function parseSettings(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): ServeSettings | 'help' {
  if (wantsHelp(args)) return 'help';
  const env = (name: string) => environment[name] || undefined;
  const http = httpOptionsSchema.safeParse(
    {
      port: numeric(env('TASKCHART_PORT')),
      host: env('TASKCHART_HOST'),
      token: env('TASKCHART_TOKEN'),
    },
    { reportInput: true },
  );
  const parsed = environmentSchema.safeParse(
    Object.fromEntries(environmentSchema.keyof().options.map((name) => [name, env(name)])),
    { reportInput: true },
  );
  const nats = natsOptionsOf(environment);
  const issues: Issue[] = [
    ...issuesOf((http.error?.issues ?? []).map(withoutToken)).map(({ path, message }) => ({
      path: `TASKCHART_${path.toUpperCase()}`,
      message,
    })),
    ...issuesOf(parsed.error?.issues ?? []),
    ...shopUrlIssues(env('SHOP_URL')),
    ...[nats?.servers ?? []].flat().flatMap(natsUrlIssues),
    ...(nats && !env('SHOP_URL') ? [SHOP_MISSING] : []),
  ];
  if (issues.length > 0 || !http.success || !parsed.success) throw new SettingsError(issues);
  const { TASKCHART_DATA: file, TASKCHART_REPLICAS: replicas } = parsed.data;
  const { TASKCHART_TASKS: tasks, SHOP_URL: shopUrl } = parsed.data;
  return { http: http.data, backend: nats ? { nats: { ...nats, replicas } } : { file }, tasks, shopUrl };
}

/** A URL that is none may still hold a password; it is not shown. */
function natsUrlIssues(url: string): Issue[] {
  const server = serverOf(url);
  return typeof server === 'string' ? [{ path: 'NATS_URL', message: server }] : [];
}

const SHOP_MISSING: Issue = {
  path: 'SHOP_URL',
  message:
    "expected the URL of the shop's API: a demo shop of its own comes with a file only, not with NATS_URL",
};

function wantsHelp(args: readonly string[]): boolean {
  try {
    const { help } = parseArgs({
      args: [...args],
      options: { help: { type: 'boolean', short: 'h' } },
    }).values;
    return help === true;
  } catch (error) {
    const message = `${error instanceof Error ? error.message : String(error)} See npm start -- --help.`;
    throw new SettingsError([{ path: '', message }]);
  }
}

/** A number where the text is one, in plain digits; else the text, to be refused as it was written. */
function numeric(text: string | undefined): number | string | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : text;
}

/** A token that cannot be taken is still a secret. */
function withoutToken(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.path[0] !== 'token') return issue;
  const { input: _, ...rest } = issue;
  return rest as z.core.$ZodIssue;
}

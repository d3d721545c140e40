import { z } from 'zod';
import { InvalidOptionsError } from '../errors/invalid-options-error.ts';
import { type CommonOptions, type CommonSettings, commonFields, optionsSchema } from '../options.ts';
import { type Server, serverOf } from './servers.ts';

/** Options of {@link natsBackend}. Time is the servers' and this machine's: there is no clock to pass. */
export interface NatsOptions extends Omit<CommonOptions, 'clock'> {
  /**
   * URLs of one server or several of a cluster: `nats://host:4222`, with TLS `tls://host:4222`, and with who connects, if
   * it is not said below: `nats://user:password@host` or `nats://token@host`. @default 'nats://127.0.0.1:4222'
   */
  readonly servers?: string | readonly string[] | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  /** The path of a credentials file (`.creds`). */
  readonly credentials?: string | undefined;
  /** The path of a file that holds an nkey's seed. */
  readonly nkey?: string | undefined;
  /** Asks for TLS, with these files: whom to trust, and who connects. @default what the server asks for */
  readonly tls?:
    | {
        readonly ca?: string | undefined;
        readonly cert?: string | undefined;
        readonly key?: string | undefined;
      }
    | undefined;
  /** What the connection is called in the server's monitoring. @default 'taskchart' */
  readonly name?: string | undefined;
  /** Before the subjects of replies: where the account permits no `_INBOX.>`. @default '_INBOX' */
  readonly inboxPrefix?: string | undefined;
  /** How long the first connection is tried for, in ms. @default 10_000 */
  readonly connectTimeout?: number | undefined;
  /** How long an answer is waited for, in ms. @default 5_000 */
  readonly requestTimeout?: number | undefined;
  /** How often the server is asked whether it is there, in ms; one that misses two is left. @default 5_000 */
  readonly pingInterval?: number | undefined;
  /**
   * Before all subjects of Taskchart (`<prefix>.inbox.…`), and, in upper case, before the names of its streams
   * (`<PREFIX>_INBOX`): tokens of `[A-Za-z0-9_-]+`. Backends of the same prefix work together. @default 'taskchart'
   */
  readonly prefix?: string | undefined;
  /** How many servers keep each message: 1, 3 or 5. What outlives one server needs 3. @default 1 */
  readonly replicas?: number | undefined;
  /** Where the servers keep it. In `memory` it outlives no restart of theirs: for tests. @default 'file' */
  readonly storage?: 'file' | 'memory' | undefined;
  /** How large each stream may grow, in bytes; what is beyond waits until there is room. @default unlimited */
  readonly maxStreamBytes?: number | undefined;
  /** How long the streams know the ids of messages, in ms. @default 120_000 */
  readonly duplicateWindow?: number | undefined;
  /** How long a delivery may be held without a sign of life, in ms. @default 5_000, with replicas 20_000 */
  readonly ackWait?: number | undefined;
  /**
   * Up to how far a time the server itself keeps back what is handed back, in ms; what is farther lies in the timers. It
   * goes through all that it keeps back again and again, so some minutes at most. @default 30_000
   */
  readonly shortWait?: number | undefined;
  /** How many tasks whose time has come this process puts back to work a second. @default 1_000 */
  readonly restoresPerSecond?: number | undefined;
  /** How long a message waits for a worker that knows its task's name before it goes to the dead letters, in ms. @default 60_000 */
  readonly orphanGrace?: number | undefined;
}

/** {@link NatsOptions}, parsed and complete. */
export interface NatsSettings extends Omit<CommonSettings, 'clock'> {
  readonly servers: readonly Server[];
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  readonly credentials?: string | undefined;
  readonly nkey?: string | undefined;
  readonly tls?: NatsOptions['tls'];
  readonly name: string;
  readonly inboxPrefix: string;
  readonly connectTimeout: number;
  readonly requestTimeout: number;
  readonly pingInterval: number;
  readonly prefix: string;
  readonly replicas: number;
  readonly storage: 'file' | 'memory';
  readonly maxStreamBytes: number | undefined;
  readonly duplicateWindow: number;
  readonly shortWait: number;
  readonly restoresPerSecond: number;
  readonly orphanGrace: number;
}

const text = (what: string) => {
  const error = `expected ${what}`;
  return z.string({ error }).min(1, { error });
};

const whole = (unit: string, least: number) => {
  const error = `expected a whole number of ${unit}, ${least} or more`;
  return z.int({ error }).min(least, { error });
};

const tokens = (what: string) =>
  text(what).regex(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/, {
    error: `expected tokens of A-Z a-z 0-9 _ - joined by dots`,
  });

const url = text('the URL of a NATS server').transform((given, context): Server => {
  const server = serverOf(given);
  if (typeof server !== 'string') return server;
  context.addIssue({ code: 'custom', message: server });
  return z.NEVER;
});

const { clock: _, ackWait, ...common } = commonFields;

const schema = optionsSchema({
  ...common,
  servers: z
    .preprocess(
      allOf,
      z.array(url, { error: 'expected the URL of a NATS server, or an array of them' }).min(1, {
        error: 'expected one server at least',
      }),
    )
    .prefault('nats://127.0.0.1:4222'),
  user: text('a user’s name').optional(),
  password: text('a password').optional(),
  token: text('a token').optional(),
  credentials: text('the path of a credentials file').optional(),
  nkey: text('the path of a file with an nkey’s seed').optional(),
  tls: z
    .strictObject(
      {
        ca: text('the path of a file').optional(),
        cert: text('the path of a file').optional(),
        key: text('the path of a file').optional(),
      },
      { error: 'expected an object: { ca?, cert?, key? }' },
    )
    .optional(),
  name: text('a name').default('taskchart'),
  inboxPrefix: tokens('a subject').default('_INBOX'),
  connectTimeout: whole('milliseconds', 0).default(10_000),
  requestTimeout: whole('milliseconds', 1).default(5_000),
  pingInterval: whole('milliseconds', 1).default(5_000),
  prefix: text('a prefix')
    .regex(/^[A-Za-z0-9_-]{1,64}$/, { error: 'expected 1 to 64 of A-Z a-z 0-9 _ -' })
    .default('taskchart'),
  replicas: z.literal([1, 3, 5], { error: 'expected 1, 3 or 5' }).default(1),
  storage: z.enum(['file', 'memory'], { error: "expected 'file' or 'memory'" }).default('file'),
  maxStreamBytes: whole('bytes', 1).optional(),
  duplicateWindow: whole('milliseconds', 100).default(120_000),
  ackWait: ackWait.unwrap().optional(),
  shortWait: whole('milliseconds', 0).default(30_000),
  restoresPerSecond: whole('tasks', 1).default(1_000),
  orphanGrace: whole('milliseconds', 1).default(60_000),
}).transform(
  (options): NatsSettings => ({
    ...options,
    maxStreamBytes: options.maxStreamBytes,
    ackWait: options.ackWait ?? (options.replicas === 1 ? 5_000 : 20_000),
  }),
);

/** @throws {InvalidOptionsError} A line for each option that is not as expected; without passwords. */
export function parseNatsOptions(options: NatsOptions): NatsSettings {
  const parsed = schema.safeParse(options);
  if (parsed.success) return parsed.data;
  throw new InvalidOptionsError('natsBackend', withoutSecrets(options), parsed.error.issues);
}

/** The values for the messages of errors. */
function withoutSecrets(options: NatsOptions): unknown {
  if (typeof options !== 'object' || options === null) return options;
  const hidden = (server: unknown): unknown =>
    typeof server === 'string' ? server.replace(/[^/@]*@/, '…@') : server;
  const servers = allOf(options.servers);
  return { ...options, servers: Array.isArray(servers) ? servers.map(hidden) : servers };
}

function allOf(servers: unknown): unknown {
  return typeof servers === 'string' ? [servers] : servers;
}

import { z } from 'zod';
import { issuesOf } from '../../machines/issue.ts';
import { MAX_TIMER_MS, withoutSecrets } from '../../machines/step/index.ts';
import { ShopClientOptionsError } from './options-error.ts';

/** Options of {@link shopClient}. */
export interface ShopClientOptions {
  /**
   * Where the API is, with or without a path or a slash at its end. A user and password in it are sent as basic authorization.
   *
   * @example 'https://dummyjson.com'
   */
  readonly url: string;
  /** The longest that one request may take, from its start to the end of the answer's body, in ms. @default 10_000 */
  readonly timeout?: number | undefined;
  /** How many products are asked for at a time. @default 100 */
  readonly pageSize?: number | undefined;
  /** How many pages are asked for at the same time, after the first. @default 4 */
  readonly concurrency?: number | undefined;
  /** A catalogue of more products than this is not read. @default 100_000 */
  readonly maxProducts?: number | undefined;
  /** What the client calls itself, in the header of that name. @default 'taskchart' */
  readonly userAgent?: string | undefined;
}

export type ShopClientSettings = {
  readonly [Option in keyof ShopClientOptions]-?: NonNullable<ShopClientOptions[Option]>;
};

const error = (expectation: string) => ({ error: `expected ${expectation}` });
const COUNT = error('a whole number of at least 1');
const TIMEOUT = error(`a whole number of ms, from 1 to ${MAX_TIMER_MS}`);
const USER_AGENT = error('a text of printable ASCII characters');

const count = z.int(COUNT).min(1, COUNT);

const schema = z.strictObject(
  {
    url: z.string(error('an http or https URL')).refine(isBaseUrl, {
      error: 'expected an http or https URL, without a query or a fragment',
    }),
    timeout: z.int(TIMEOUT).min(1, TIMEOUT).max(MAX_TIMER_MS, TIMEOUT).default(10_000),
    pageSize: count.default(100),
    concurrency: count.default(4),
    maxProducts: count.default(100_000),
    userAgent: z
      .string(USER_AGENT)
      .regex(/^[!-~]([ -~]*[!-~])?$/, USER_AGENT)
      .default('taskchart'),
  },
  { error: ({ code }) => (code === 'invalid_type' ? 'expected an object of options' : undefined) },
);

/** @throws {ShopClientOptionsError} It names each option that cannot be taken, its value and what was expected. */
export function parseShopClientOptions(options: ShopClientOptions): ShopClientSettings {
  const parsed = schema.safeParse(options, { reportInput: true });
  if (parsed.success) return parsed.data;
  throw new ShopClientOptionsError(issuesOf(parsed.error.issues.map(withoutPassword)));
}

function isBaseUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, search, hash, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && !search && !hash && isDecodable(username) && isDecodable(password);
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** A URL that is none may still hold a password; it is not shown. */
function withoutPassword(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  const { input } = issue;
  if (typeof input !== 'string') return issue;
  return { ...issue, input: withoutSecrets(input).replace(/^.*@/s, '…@') } as z.core.$ZodIssue;
}

import ky, { type KyInstance } from 'ky';
import pMap from 'p-map';
import { z } from 'zod';
import { formatIssues, issuesOf } from '../../machines/issue.ts';
import { type Cart, cartSchema, type Product, productSchema } from '../../machines/order/index.ts';
import { PermanentError, RetryableError } from '../../machines/step/index.ts';

/**
 * A client for a shop's API of the shape of dummyjson.com.
 *
 * It never retries: the chart does, where it is seen. Redirects are followed, connections kept alive, and proxies taken from the
 * environment if Node is told to (`NODE_USE_ENV_PROXY=1`), as fetch does.
 */
export interface ShopClient {
  /** @throws What ky throws for statuses, timeouts and the network; `PermanentError` for data of another shape. */
  cart(id: number, asked: Asked): Promise<Cart>;
  /** The whole catalogue, each product once. */
  products(asked: Asked): Promise<Product[]>;
}

/** On whose behalf a call is made. */
export interface Asked {
  /** The effect's key. Each request carries it as `Idempotency-Key`, with its own part behind it where there are several. */
  readonly key: string;
  readonly signal: AbortSignal;
}

const optionsSchema = z.strictObject({
  /** Where the API is: with or without a path or a slash at its end; a user and password in it are sent as basic authorization. */
  url: z.url({ protocol: /^https?$/, error: 'expected an http or https URL' }),
  /** The longest that one request may take, in ms. @default 10_000 */
  timeout: z.int().min(1).default(10_000),
  /** How many products are asked for at a time. @default 100 */
  pageSize: z.int().min(1).default(100),
  /** How many pages are asked for at the same time, after the first. @default 4 */
  concurrency: z.int().min(1).default(4),
  /** A catalogue of more products than this is not read. @default 100_000 */
  maxProducts: z.int().min(1).default(100_000),
  userAgent: z.string().default('taskchart'),
});
export type ShopClientOptions = z.input<typeof optionsSchema>;

const pageSchema = z.looseObject({ products: z.array(productSchema), total: z.int().min(0) });

/** @throws {z.ZodError} An option is not as it should be. */
export function shopClient(options: ShopClientOptions): ShopClient {
  const { url, timeout, pageSize, concurrency, maxProducts, userAgent } = optionsSchema.parse(options);
  const { prefix, authorization } = withoutCredentials(url);
  const http = ky.create({
    prefix,
    timeout,
    retry: 0,
    headers: { 'user-agent': userAgent, ...(authorization && { authorization }) },
  });

  const page = (skip: number, { key, signal }: Asked) =>
    getJson(http, `products?limit=${pageSize}&skip=${skip}`, pageSchema, {
      key: `${key}/skip=${skip}`,
      signal,
    });

  return {
    cart: (id, asked) => getJson(http, `carts/${id}`, cartSchema, asked),

    async products(asked) {
      const first = await page(0, asked);
      // A server may give fewer than asked for; what it gave is how far the next page is.
      const step = first.products.length;
      const pages = [first];
      let ended = step === 0;
      function* skips() {
        for (let skip = step; skip < first.total && !ended; skip += step) {
          if (skip >= maxProducts) {
            throw new PermanentError(
              `The shop says that its catalogue has ${first.total} products, more than maxProducts allows (${maxProducts}).`,
              { code: 'catalogue_too_large' },
            );
          }
          yield skip;
        }
      }
      const rest = await pMap(
        skips(),
        async (skip) => {
          const next = await page(skip, asked);
          // The shop's total may be a lie: an empty page is the end, whatever it says.
          if (next.products.length === 0) ended = true;
          return next;
        },
        { concurrency, signal: asked.signal },
      );
      pages.push(...rest);
      return joinPages(pages);
    },
  };
}

/** Refuses pages between which the catalogue changed: a product may have slipped from one to the other unseen. */
function joinPages(pages: readonly z.output<typeof pageSchema>[]): Product[] {
  const [first, ...rest] = pages;
  const products = pages.flatMap((page) => page.products);
  const distinct = new Set(products.map(({ id }) => id)).size;
  const end = pages.findIndex((page) => page.products.length < (first?.products.length ?? 0));
  const changed =
    rest.some(({ total }) => total !== first?.total) ||
    distinct < products.length ||
    (end >= 0 && pages.slice(end + 1).some((page) => page.products.length > 0));
  if (changed) {
    throw new RetryableError('The catalogue changed while it was read.', { code: 'catalogue_changed' });
  }
  return products;
}

async function getJson<Schema extends z.ZodType>(
  http: KyInstance,
  path: string,
  schema: Schema,
  { key, signal }: Asked,
): Promise<z.output<Schema>> {
  const response = await http.get(path, { signal, headers: { 'idempotency-key': key } });
  const request = { method: 'GET', url: response.url };
  const asked = `GET ${request.url} was answered with ${response.status}`;
  let body: unknown;
  try {
    body = await response.json();
  } catch (cause) {
    if (signal.aborted) throw cause;
    const invalid = cause instanceof SyntaxError;
    throw new RetryableError(`${asked} and a body that is ${invalid ? 'not JSON' : 'cut short'}.`, {
      code: invalid ? 'invalid_json' : 'network',
      request,
      cause,
    });
  }
  const parsed = schema.safeParse(body, { reportInput: true });
  if (parsed.success) return parsed.data;
  const issues = issuesOf(parsed.error.issues);
  throw new PermanentError(`${asked} and data of another shape: ${formatIssues(issues)}.`, {
    code: 'invalid_data',
    request,
    issues,
  });
}

/** fetch refuses URLs with a user and password in them; they are what basic authorization is for. */
function withoutCredentials(text: string): { prefix: string; authorization?: string } {
  const url = new URL(text);
  const { username, password } = url;
  if (!username && !password) return { prefix: url.href };
  url.username = '';
  url.password = '';
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { prefix: url.href, authorization: `Basic ${Buffer.from(credentials).toString('base64')}` };
}

import ky, { type KyInstance, TimeoutError } from 'ky';
import type { z } from 'zod';
import { formatIssues, issuesOf } from '../../machines/issue.ts';
import { type Cart, cartSchema, cataloguePageSchema, type Product } from '../../machines/order/index.ts';
import { PermanentError, RetryableError, withoutSecrets } from '../../machines/step/index.ts';
import { readCatalogue } from './catalogue.ts';
import { parseShopClientOptions, type ShopClientOptions } from './options.ts';

/**
 * A client for a shop's API of the shape of dummyjson.com.
 *
 * It never retries: the chart does, where it is seen. Redirects are followed, connections kept alive, and proxies taken from the
 * environment if Node is told to (`NODE_USE_ENV_PROXY=1`), as fetch does.
 */
export interface ShopClient {
  /**
   * @throws What ky throws for statuses, timeouts and the network.
   * @throws {PermanentError} Data of another shape.
   * @throws {RetryableError} A body that is cut short, or not JSON.
   */
  cart(id: number, asked: Asked): Promise<Cart>;
  /**
   * The whole catalogue, each product once.
   *
   * @throws As `cart` does.
   * @throws {RetryableError} It changed while it was read. @throws {PermanentError} It is larger than `maxProducts`.
   */
  products(asked: Asked): Promise<Product[]>;
}

/** On whose behalf a call is made. */
export interface Asked {
  /** The effect's key. Each request carries it as `Idempotency-Key`, with its own part behind it where there are several. */
  readonly key: string;
  readonly signal: AbortSignal;
}

/** @throws {ShopClientOptionsError} Options are not as they should be; it names each. */
export function shopClient(options: ShopClientOptions): ShopClient {
  const { url, timeout, userAgent, pageSize, ...paging } = parseShopClientOptions(options);
  const { prefix, authorization } = withoutCredentials(url);
  const http = ky.create({
    prefix,
    // Of the whole request, its body included.
    totalTimeout: timeout,
    timeout,
    retry: 0,
    headers: { accept: 'application/json', 'user-agent': userAgent, ...(authorization && { authorization }) },
  });

  return {
    cart: (id, asked) => getJson(http, `carts/${id}`, cartSchema, asked),

    products: ({ key, signal }) => {
      const page = (skip: number, signal: AbortSignal) => {
        const asked = { key: `${key}/skip=${skip}`, signal };
        return getJson(http, `products?limit=${pageSize}&skip=${skip}`, cataloguePageSchema, asked);
      };
      return readCatalogue(page, { ...paging, signal });
    },
  };
}

async function getJson<Schema extends z.ZodType>(
  http: KyInstance,
  path: string,
  schema: Schema,
  { key, signal }: Asked,
): Promise<z.output<Schema>> {
  const answer = http.get(path, { signal, headers: { 'idempotency-key': key } });
  const { url, status } = await answer;
  // Where a redirect led may hold secrets.
  const request = { method: 'GET', url: withoutSecrets(url) };
  const asked = `GET ${request.url} was answered with ${status}`;
  let body: unknown;
  try {
    body = await answer.json();
  } catch (cause) {
    if (signal.aborted || cause instanceof TimeoutError) throw cause;
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

import {
  type FailureKind,
  type Fault,
  type FaultQuestion,
  planFault,
  type ShopCall,
} from '../../../src/shop/demo/index.ts';

/** What these tests need to see a running demo shop do something. */

interface Running {
  readonly url: string;
  readonly calls: readonly ShopCall[];
}

/** A key whose first ask meets this at the level `many`. Searched for, so that the tests hold for any hash. */
export function keyFor(kind: Fault['kind'], seed = 1): string {
  for (let task = 0; task < 10_000; task++) {
    const question: FaultQuestion = { seed, key: `t${task}/fetch_cart`, asked: 1, level: 'many' };
    if (planFault(question)?.kind === kind) return question.key;
  }
  throw new Error(`No key of 10,000 meets ${kind}.`);
}

export function ask(
  shop: { readonly url: string },
  path: string,
  key?: string,
  signal?: AbortSignal,
): Promise<Response> {
  return fetch(`${shop.url}${path}`, {
    ...(key !== undefined && { headers: { 'Idempotency-Key': key } }),
    ...(signal && { signal }),
  });
}

/**
 * Resolves with the call for a key once it is as wanted. Each look waits for an answer of the shop to something
 * else, so that the shop's process gets its turn: no sleeping.
 */
export async function untilCall(
  shop: Running,
  key: string,
  wanted: (call: ShopCall) => boolean = () => true,
): Promise<ShopCall> {
  for (;;) {
    const call = shop.calls.findLast((candidate) => candidate.key === key && wanted(candidate));
    if (call !== undefined) return call;
    await (await ask(shop, '/products/1')).text();
  }
}

export const statusOf: Partial<Record<FailureKind, number>> = {
  http_500: 500,
  http_502: 502,
  http_503: 503,
  http_503_retry_after: 503,
  http_429_retry_after: 429,
  http_429_retry_after_date: 429,
};

import { describe, expect, onTestFinished, test } from 'vitest';
import { SimulatedClock } from 'xstate';
import { retryDate } from '../../../src/shop/demo/failing.ts';
import {
  type DemoShop,
  type FailureKind,
  failureKinds,
  planFault,
  startDemoShop,
} from '../../../src/shop/demo/index.ts';
import { ask, keyFor, statusOf, untilCall } from './shop-in-tests.ts';

const start = async (clock?: SimulatedClock): Promise<DemoShop> => {
  const shop = await startDemoShop({ faults: 'many', clock });
  onTestFinished(() => shop.close());
  return shop;
};

/** What a client sees of each kind. */
const seen: Record<FailureKind, (shop: DemoShop, key: string) => Promise<void>> = {
  http_500: expectStatus,
  http_502: expectStatus,
  http_503: expectStatus,
  http_503_retry_after: expectStatus,
  http_429_retry_after: expectStatus,
  http_429_retry_after_date: expectStatus,
  hang: async (shop, key) => {
    const client = new AbortController();
    const answer = ask(shop, '/carts/1', key, client.signal);
    expect(await untilCall(shop, key)).toMatchObject({ answer: 'hang' });
    expect((await untilCall(shop, key)).ended_at).toBeUndefined();
    client.abort();
    await expect(answer).rejects.toThrow('aborted');
    await untilCall(shop, key, ({ ended_at }) => ended_at !== undefined);
  },
  reset: async (shop, key) => {
    await expect(ask(shop, '/carts/1', key)).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } });
  },
  truncated: async (shop, key) => {
    const answer = await ask(shop, '/carts/1', key);
    expect(answer.status).toBe(200);
    const right = await (await ask(shop, '/carts/1')).text();
    expect(Number(answer.headers.get('content-length'))).toBe(Buffer.byteLength(right));
    await expect(answer.text()).rejects.toThrow('terminated');
  },
  not_json: async (shop, key) => {
    const answer = await ask(shop, '/carts/1', key);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain('application/json');
    await expect(answer.json()).rejects.toThrow(SyntaxError);
  },
};

async function expectStatus(shop: DemoShop, key: string): Promise<void> {
  const answer = await ask(shop, '/carts/1', key);
  const kind = shop.calls.at(-1)?.answer as FailureKind;
  expect(answer.status).toBe(statusOf[kind]);
  expect(await answer.json()).toEqual({ message: expect.any(String) });
  const retryAfter = answer.headers.get('retry-after');
  if (kind.endsWith('_date')) {
    const ahead = Date.parse(retryAfter ?? '') - (shop.calls.at(-1)?.ended_at ?? 0);
    expect(ahead).toBeGreaterThanOrEqual(1_000);
    expect(ahead).toBeLessThan(3_000);
  } else {
    expect(retryAfter).toBe(kind.endsWith('_retry_after') ? '1' : null);
  }
}

describe('seen by a client', () => {
  test.each(failureKinds)('%s, and the third attempt is right', async (kind) => {
    const shop = await start();
    const key = keyFor(kind);
    await seen[kind](shop, key);
    const [call] = shop.calls.filter((candidate) => candidate.key === key);
    expect(call).toMatchObject({ method: 'GET', path: '/carts/1', key, asked: 1, delay: 0, answer: kind });

    // The second ask may fail in any way, or hang: only that it was made counts.
    const second = new AbortController();
    const answer = ask(shop, '/carts/1', key, second.signal).catch(() => undefined);
    await untilCall(shop, key, ({ asked }) => asked === 2);
    second.abort();
    await answer;

    const third = await ask(shop, '/carts/1', key);
    expect(third.status).toBe(200);
    expect(await third.json()).toMatchObject({ id: 1 });
    expect(shop.calls.at(-1)).toMatchObject({ key, asked: 3, answer: 200 });
  });
});

test('F2: a client that asks each step three times, page by page, gets every order through', async () => {
  const shop = await start();
  const rowsOf = (from: number) => ({ from, to: Math.min(from + 30, 72), total: 72 });
  const hangs = (key: string, from?: number) =>
    [1, 2].some((asked) => {
      const rows = from === undefined ? {} : { rows: rowsOf(from) };
      return planFault({ seed: 1, key, asked, level: 'many', ...rows })?.kind === 'hang';
    });
  const attempt = async (path: string, key: string) => {
    const answer = await ask(shop, path, key);
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer.json();
  };
  const step = async (requests: readonly (() => Promise<unknown>)[]) => {
    const failures: unknown[] = [];
    for (;;) {
      try {
        await Promise.all(requests.map((request) => request()));
        return failures.length;
      } catch (error) {
        failures.push(error);
        if (failures.length === 3) throw new AggregateError(failures);
      }
    }
  };
  const failures = await Promise.all(
    Array.from({ length: 60 }, async (_, task) => {
      const cart = `e${task}/fetch_cart`;
      const pages = [0, 30, 60].map((from) => ({ from, key: `e${task}/fetch_products/skip=${from}` }));
      // Those would take a client with a timeout; the kind has a test of its own.
      if (hangs(cart) || pages.some(({ key, from }) => hangs(key, from))) return 0;
      const first = await step([() => attempt('/carts/2', cart)]);
      const page = ({ from, key }: { from: number; key: string }) => attempt(`/products?skip=${from}`, key);
      return first + (await step(pages.map((asked) => () => page(asked))));
    }),
  );
  expect(Math.max(...failures)).toBeGreaterThan(2);
});

describe('slow', () => {
  test('is held back for its time, then right', async () => {
    const clock = new SimulatedClock();
    const shop = await start(clock);
    const key = keyFor('slow');
    let answered = false;
    const answer = ask(shop, '/carts/1', key).finally(() => {
      answered = true;
    });
    const { delay } = await untilCall(shop, key, (call) => call.delay > 0);
    clock.increment(delay - 1);
    await (await ask(shop, '/products/1')).text();
    expect(answered).toBe(false);
    clock.increment(1);
    expect(await (await answer).json()).toMatchObject({ id: 1 });
    const call = await untilCall(shop, key);
    expect(call).toMatchObject({ answer: 200, started_at: 0, ended_at: delay });
  });

  test('does not hold a client that goes away', async () => {
    const clock = new SimulatedClock();
    const shop = await start(clock);
    const key = keyFor('slow');
    const client = new AbortController();
    const answer = ask(shop, '/carts/1', key, client.signal);
    await untilCall(shop, key, (call) => call.delay > 0);
    client.abort();
    await expect(answer).rejects.toThrow('aborted');
    await untilCall(shop, key, (call) => call.answer === 'left');
  });
});

test.each([
  [0, 1_000],
  [1, 2_000],
  [999, 2_000],
  [1_000, 2_000],
  [1_001, 3_000],
])('a Retry-After date is the next whole second at least a second ahead: %d ms → %d ms', (now, until) => {
  expect(retryDate(now)).toBe(new Date(until).toUTCString());
});

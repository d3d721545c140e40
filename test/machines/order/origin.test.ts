import { describe, expect, test } from 'vitest';
import { createActor } from 'xstate';
import { orderTask, validateProducts } from '../../../machines/order/index.ts';
import { RequestError, taskFromData } from '../../../machines/task/index.ts';
import { VirtualClock } from '../../virtual-time.ts';
import { alone, atTheShop } from './at-the-shop.ts';
import { answer, outcomeOf, ownEffects, seedCart, seedCatalogue } from './fixtures.ts';

/**
 * What the specs of the seed's origin, the example of a Ruby workflow engine, cover: case by case.
 */

const STEPS = ['fetch_cart', 'fetch_products', 'validate_products', 'create_order', 'publish_event'];

const validated = () => {
  const found = validateProducts(seedCart, seedCatalogue);
  return 'output' in found ? found.output : undefined;
};

describe('the task', () => {
  test('the five steps exist', () => {
    expect(orderTask.steps.map(({ name }) => name)).toEqual(STEPS);
    expect(Object.fromEntries(orderTask.steps.map(({ name, after }) => [name, after]))).toEqual({
      fetch_cart: [],
      fetch_products: [],
      validate_products: ['fetch_cart', 'fetch_products'],
      create_order: ['validate_products'],
      publish_event: ['create_order'],
    });
  });

  test('a missing cart_id is refused by name', () => {
    const refuse = () => orderTask.parseContext({});
    expect(refuse).toThrow(RequestError);
    expect(refuse).toThrow(/context\.cart_id: .*expected/);
    expect(refuse).toThrow(
      expect.objectContaining({ issues: [expect.objectContaining({ path: 'context.cart_id' })] }),
    );
  });

  test.each([null, '', '1', 0, -1, 1.5, true, {}])('so is a cart_id that is %j', (cart_id) => {
    expect(() => orderTask.parseContext({ cart_id })).toThrow(/context\.cart_id: /);
  });

  test('the whole task', async () => {
    const { task, backend } = await atTheShop();
    const published = Promise.withResolvers<unknown>();
    await using _ = await backend.events.subscribe('orders.created.>', {}, ({ body }) =>
      published.resolve(body),
    );
    const { report } = await outcomeOf(task, { id: 'whole', context: { cart_id: 2 } });
    expect(Object.keys(report.steps)).toEqual(STEPS);
    for (const step of Object.values(report.steps)) expect(step).toEqual({ status: 'complete', attempts: 1 });
    expect(report.output).toMatchObject({
      order: {
        id: 'order-whole',
        user_id: 102,
        status: 'placed_pending_fulfillment',
        total: 175.95,
        discounted_total: 164.2,
      },
      publication: { stream: 'ORDERS', sequence: 1, duplicate: false },
    });
    expect(await published.promise).toMatchObject({ type: 'order.created', data: { id: 'order-whole' } });
  });

  test('an unknown cart fails the step with the shop’s message', async () => {
    const { task } = await atTheShop();
    const { report } = await outcomeOf(task, { id: 'unknown', context: { cart_id: 999 } });
    expect(report).toMatchObject({
      status: 'error',
      error: {
        step: 'fetch_cart',
        code: 'http_404',
        attempt: 1,
        message: expect.stringMatching(
          /^GET http:.*\/carts\/999 was answered with 404.*: Cart with id '999' not found/,
        ),
      },
      steps: {
        fetch_cart: { status: 'error', attempts: 1 },
        validate_products: { status: 'pending', attempts: 0 },
      },
    });
  });
});

describe('each step alone', () => {
  test('fetch_cart fetches the cart', async () => {
    const { output, attempted, shop } = await alone('fetch_cart', { fetch_products: [] });
    expect(attempted).toEqual(['fetch_cart']);
    expect(output).toMatchObject({
      id: 2,
      userId: 102,
      products: [
        { id: 4, quantity: 2 },
        { id: 6, quantity: 3 },
      ],
    });
    expect(shop.calls.map(({ path }) => path)).toEqual(['/carts/2']);
  });

  test('fetch_products fetches all products', async () => {
    const { output, attempted } = await alone('fetch_products', { fetch_cart: seedCart });
    expect(attempted).toEqual(['fetch_products']);
    expect(output).toHaveLength(72);
    expect((output as { id: number }[]).map(({ id }) => id)).toEqual(
      Array.from({ length: 72 }, (_, i) => i + 1),
    );
  });

  test('validate_products matches the lines with their products', async () => {
    const given = { fetch_cart: seedCart, fetch_products: seedCatalogue };
    const { output, attempted, shop } = await alone('validate_products', given);
    expect(output).toEqual(validated());
    expect(attempted).toEqual(['validate_products']);
    expect(shop.calls).toEqual([]);
  });

  test('create_order makes the order and keeps it', async () => {
    const given = { fetch_cart: seedCart, fetch_products: seedCatalogue, validate_products: validated() };
    const { output, attempted, backend } = await alone('create_order', given);
    expect(attempted).toEqual(['create_order']);
    expect(output).toMatchObject({ total: 175.95, discounted_total: 164.2, user_id: 102 });
    expect(await backend.records.read('orders.order-task-1')).toEqual(output);
  });

  test('publish_event publishes the order', async () => {
    const given = { fetch_cart: seedCart, fetch_products: seedCatalogue, validate_products: validated() };
    const { output: order } = await alone('create_order', given);
    const { output, attempted } = await alone('publish_event', { ...given, create_order: order });
    expect(attempted).toEqual(['publish_event']);
    expect(output).toMatchObject({
      stream: 'ORDERS',
      subject: 'orders.created.order-task-1',
      sequence: 1,
    });
  });
});

describe('backoff', () => {
  const START = Date.UTC(2026, 0, 2, 3, 4, 5);

  /** The times at which a fetch is attempted, in ms from the start, if its first attempts fail like this. */
  async function attemptsAfter(failures: readonly Error[], random = 0) {
    const clock = new VirtualClock(START);
    const times: number[] = [];
    const task = ownEffects().provide(
      {
        fetch_cart: ({ attempt }) => {
          times.push(clock.now() - START);
          const failure = failures[attempt - 1];
          if (failure) throw failure;
          return seedCart;
        },
      },
      { random: () => random },
    );
    const ended = outcomeOf(task, { clock });
    await clock.run();
    return { times, ...(await ended) };
  }

  test('for 429 with Retry-After in seconds: not before, and spread by one base delay at most', async () => {
    const limited = [answer(429, { 'retry-after': '7' })];
    expect((await attemptsAfter(limited)).times).toEqual([0, 7_000]);
    expect((await attemptsAfter(limited, 0.999)).times).toEqual([0, 7_999]);
  });

  test('for 429 with Retry-After as a date', async () => {
    const limited = [answer(429, { 'retry-after': new Date(START + 42_000).toUTCString() })];
    expect((await attemptsAfter(limited)).times).toEqual([0, 42_000]);
  });

  test('for 429 without the header: the base delay, half of it random', async () => {
    expect((await attemptsAfter([answer(429)])).times).toEqual([0, 500]);
    expect((await attemptsAfter([answer(429)], 0.999)).times).toEqual([0, 1_000]);
  });

  test('for 429 on the third attempt: the wait has doubled, and a third failure is the last', async () => {
    const twice = await attemptsAfter([answer(429), answer(429)]);
    expect(twice.times).toEqual([0, 500, 1_500]);
    expect(twice.output.status).toBe('complete');
    const thrice = await attemptsAfter([answer(429), answer(429), answer(429)]);
    expect(thrice.times).toEqual([0, 500, 1_500]);
    expect(thrice.output).toMatchObject({
      status: 'error',
      error: { step: 'fetch_cart', code: 'http_429', attempt: 3 },
    });
  });

  test('for 503, with and without the header', async () => {
    expect((await attemptsAfter([answer(503)])).times).toEqual([0, 500]);
    expect((await attemptsAfter([answer(503, { 'retry-after': '3' })])).times).toEqual([0, 3_000]);
  });

  test.each([400, 401, 403, 404, 422])('for %d there is none: it is permanent', async (status) => {
    const { times, output } = await attemptsAfter([answer(status, { 'retry-after': '1' })]);
    expect(times).toEqual([0]);
    expect(output).toMatchObject({ error: { code: `http_${status}` } });
  });

  test('off: the next attempt follows at once, unless the server names a time', async () => {
    const clock = new VirtualClock(START);
    const times: number[] = [];
    const failures = [answer(503), answer(429, { 'retry-after': '2' })];
    const task = taskFromData({
      name: 'fetching',
      version: '1',
      retry: { baseDelay: 0 },
      steps: [{ name: 'fetch' }],
    }).provide({
      fetch: async () => {
        times.push(clock.now() - START);
        const failure = failures[times.length - 1];
        if (failure) throw failure;
        return 'fetched';
      },
    });
    createActor(task.machine, { input: { id: 'off', context: {} }, clock }).start();
    await clock.run();
    expect(times).toEqual([0, 0, 2_000]);
  });
});

describe('dependencies', () => {
  type Graph = Readonly<Record<string, readonly string[]>>;
  const define = (graph: Graph) =>
    taskFromData({
      name: 'graph',
      version: '1',
      steps: Object.entries(graph).map(([name, after]) => ({ name, after: [...after] })),
    });

  /** When each step began and ended, if each takes as long as it says. */
  async function timesOf(graph: Graph, takes: Readonly<Record<string, number>> = {}) {
    const clock = new VirtualClock();
    const times: Record<string, [number, number]> = {};
    const effects = Object.keys(graph).map((name) => {
      const work = async () => {
        const begun = clock.now();
        await clock.sleep(takes[name] ?? 10);
        times[name] = [begun, clock.now()];
        return name;
      };
      return [name, work];
    });
    const { machine } = define(graph).provide(Object.fromEntries(effects));
    const actor = createActor(machine, { input: { id: 'graph', context: {} }, clock });
    actor.start();
    await clock.run();
    expect(actor.getSnapshot().status).toBe('done');
    return times;
  }

  test('a direct cycle is refused', () => {
    expect(() => define({ a: ['b'], b: ['a'] })).toThrow('in a cycle: a → b → a');
    expect(() => define({ a: ['a'] })).toThrow('in a cycle: a → a');
  });

  test('an indirect cycle is refused', () => {
    expect(() => define({ start: [], a: ['start', 'c'], b: ['a'], c: ['b'] })).toThrow(
      'in a cycle: a → c → b → a',
    );
  });

  test('a diamond runs', async () => {
    const times = await timesOf({ a: [], b: ['a'], c: ['a'], d: ['b', 'c'] });
    expect(times).toEqual({ a: [0, 10], b: [10, 20], c: [10, 20], d: [20, 30] });
  });

  test('a tree runs, each branch at its own pace', async () => {
    const times = await timesOf(
      { root: [], left: ['root'], right: ['root'], leaf: ['left'] },
      { right: 100 },
    );
    expect(times).toEqual({ root: [0, 10], left: [10, 20], right: [10, 110], leaf: [20, 30] });
  });

  test('an independent step really overlaps', async () => {
    const times = await timesOf({ one: [], other: [] }, { one: 100, other: 50 });
    expect(times).toEqual({ one: [0, 100], other: [0, 50] });
  });

  test('a dependent starts after both', async () => {
    const times = await timesOf({ one: [], other: [], after_both: ['one', 'other'] }, { one: 30, other: 70 });
    expect(times.after_both).toEqual([70, 80]);
  });

  test('a finished step is never run again', async () => {
    const clock = new VirtualClock();
    const ran: string[] = [];
    const count =
      (name: string, failures = 0) =>
      async () => {
        ran.push(name);
        if (ran.filter((each) => each === name).length <= failures) throw new Error('Not yet.');
        return name;
      };
    const graph = define({ known: [], once: [], flaky: ['once'], last: ['flaky', 'known'] });
    const { machine } = graph.provide({
      known: count('known'),
      once: count('once'),
      flaky: count('flaky', 2),
      last: count('last', 1),
    });
    const actor = createActor(machine, {
      input: { id: 'again', context: {}, results: { known: 'given' } },
      clock,
    });
    actor.start();
    await clock.run();
    expect(ran).toEqual(['once', 'flaky', 'flaky', 'flaky', 'last', 'last']);
    expect(actor.getSnapshot().output?.status).toBe('complete');
  });
});

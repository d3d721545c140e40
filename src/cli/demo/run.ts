import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Order,
  type OrderCreated,
  orderCreatedSchema,
  orderIdOf,
} from '../../../machines/order/index.ts';
import { sqliteBackend } from '../../backends/sqlite/index.ts';
import {
  changeEventSchema,
  emptyView,
  type Service,
  startService,
  type TaskHandle,
  TaskNotFoundError,
  withChanges,
} from '../../service/index.ts';
import { demoCarts } from '../../shop/demo/index.ts';
import { shopClient, shopOrderTask } from '../../shop/index.ts';
import { startLastingDemoShop } from '../demo-shop.ts';
import type { DemoOptions } from './options.ts';
import { type DemoOrder, type DemoResult, hasEnded } from './order.ts';
import { verdictsOn } from './verdicts.ts';

export interface DemoRun extends AsyncDisposable {
  readonly orders: readonly DemoOrder[];
  /** How many were asked for in an earlier run of the same file, and how many of these had ended. */
  readonly found: { readonly orders: number; readonly ended: number };
  /** The shop that is ordered from. */
  readonly shop: string;
  /** Resolves when every order has ended. */
  readonly finished: Promise<DemoResult>;
  /** What is not as it should be. */
  verdicts(result: DemoResult): string[];
}

/** A shop that does not answer is given up sooner than in earnest, so that the demo is short. */
const REQUEST_TIMEOUT = 2_000;
/** How long the last events may take to be heard, in ms; one that is missing by then is missing. */
const EVENTS_WITHIN = 5_000;
/** Small, so that the catalogue takes several pages. */
const PAGE_SIZE = 30;
/** How many orders run at a time. All at once, a busy machine would not get to their first requests within the timeout. */
const LIMIT = 12;

/**
 * @param onChange Called after each change of an order's view.
 * @throws {FileInUseError} @throws {UnusableFileError}
 */
export async function runDemo(
  { carts, data, SHOP_URL }: Pick<DemoOptions, 'carts' | 'data' | 'SHOP_URL'>,
  onChange: (order: DemoOrder, changed: ReadonlySet<string>) => void,
): Promise<DemoRun> {
  await using opening = new AsyncDisposableStack();
  const backend = opening.use(await sqliteBackend({ file: data ?? (await temporaryFile(opening)) }));
  const url = SHOP_URL ?? opening.use(await startLastingDemoShop(backend, { faults: 'some', seed: 7 })).url;
  const shop = shopClient({ url, timeout: REQUEST_TIMEOUT, pageSize: PAGE_SIZE });
  const orders = ordersOf(carts ?? demoCarts.map(({ id }) => id), SHOP_URL === undefined);

  const byId = new Map(orders.map((order) => [order.id, order]));
  opening.use(
    await backend.events.subscribe('taskchart.events.order.*', {}, ({ body }) => {
      const { subject, time, data } = changeEventSchema.parse(body);
      const order = byId.get(subject);
      if (!order) return;
      order.view = withChanges(order.view, data.changes, Date.parse(time));
      onChange(order, new Set(data.changes.map((change) => ('step' in change ? change.step : order.id))));
    }),
  );
  const events: OrderCreated[] = [];
  const arrival = new EventEmitter();
  const orderIds = new Set(orders.map(({ id }) => orderIdOf(id)));
  opening.use(
    // From the first on: those of an earlier run count too.
    await backend.events.subscribe('orders.created.*', { start: 'all' }, ({ body }) => {
      const event = orderCreatedSchema.parse(body);
      if (orderIds.has(event.data.id)) events.push(event);
      arrival.emit('event');
    }),
  );
  const service = opening.use(
    await startService({
      backend,
      tasks: ({ publish, records }) => [shopOrderTask({ shop, publish, records })],
      limit: LIMIT,
      drainWithin: 0,
    }),
  );
  const found = await findAgain(service, orders);
  /** A subscriber hears a little later that what it waits for was published. */
  const heard = async (count: number) => {
    const signal = AbortSignal.timeout(EVENTS_WITHIN);
    while (events.length < count && !signal.aborted) await once(arrival, 'event', { signal }).catch(() => {});
    return events;
  };

  const stack = opening.move();
  return {
    orders,
    found,
    shop: url,
    finished: finish(service, orders, heard),
    verdicts: (result) => verdictsOn(orders, result),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** The same ids in every run, so that the same requests fail: faults are drawn by them. */
function ordersOf(carts: readonly number[], known: boolean): DemoOrder[] {
  const seen = new Map<number, number>();
  return carts.map((cartId) => {
    const times = (seen.get(cartId) ?? 0) + 1;
    seen.set(cartId, times);
    const id = times === 1 ? `demo-${cartId}` : `demo-${cartId}-${times}`;
    const cart = known ? demoCarts.find((each) => each.id === cartId) : undefined;
    return {
      id,
      cartId,
      title: cart?.title ?? `Cart ${cartId}`,
      expect: cart?.expect,
      view: emptyView({ id, name: 'order', version: '1' }),
    };
  });
}

/** A file of this run alone. */
async function temporaryFile(stack: AsyncDisposableStack): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'taskchart-demo-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'demo.db');
}

/** Shows the orders of an earlier run as they stand. */
async function findAgain(service: Service, orders: readonly DemoOrder[]): Promise<DemoRun['found']> {
  const tasks = await Promise.all(
    orders.map(async (order) => ({ order, task: await taskOf(service, order.id) })),
  );
  const found = tasks.flatMap(({ order, task }) => (task ? [{ order, task }] : []));
  for (const { order, task } of found) order.view = await task.view();
  return { orders: found.length, ended: found.filter(({ order }) => hasEnded(order)).length };
}

async function taskOf(service: Service, id: string): Promise<TaskHandle | undefined> {
  try {
    return await service.task(id);
  } catch (error) {
    if (error instanceof TaskNotFoundError) return undefined;
    throw error;
  }
}

async function finish(
  service: Service,
  orders: readonly DemoOrder[],
  heard: (count: number) => Promise<readonly OrderCreated[]>,
): Promise<DemoResult> {
  const tasks = await Promise.all(
    orders.map(async ({ id, cartId }) => {
      const task = await service.submit({
        id,
        name: 'order',
        context: { cart_id: cartId },
        initiator: 'demo',
        reason: 'Process order',
        source_system: 'demo',
      });
      const { status, output, error, steps } = await task.result();
      const made = output as { order: Order } | undefined;
      return {
        id,
        cart_id: cartId,
        status,
        ...(made && { order: made.order }),
        ...(error && { error }),
        steps: Object.fromEntries(
          Object.entries(steps).map(([step, view]) => [
            step,
            { status: view.status, attempts: view.attempts },
          ]),
        ),
      };
    }),
  );
  return { tasks, events: await heard(tasks.filter(({ order }) => order).length) };
}

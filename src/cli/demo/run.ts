import { EventEmitter, once } from 'node:events';
import { type Order, type OrderCreated, orderCreatedSchema } from '../../../machines/order/index.ts';
import { memoryBackend } from '../../backends/memory/index.ts';
import {
  changeEventSchema,
  emptyView,
  type Service,
  startService,
  withChanges,
} from '../../service/index.ts';
import { demoCarts, startDemoShop } from '../../shop/demo/index.ts';
import { shopClient, shopOrderTask } from '../../shop/index.ts';
import type { DemoOptions } from './options.ts';
import type { DemoOrder, DemoResult } from './order.ts';
import { verdictsOn } from './verdicts.ts';

export interface DemoRun extends AsyncDisposable {
  readonly orders: readonly DemoOrder[];
  /** The shop that is ordered from. */
  readonly shop: string;
  /** Resolves when every order has ended. */
  readonly finished: Promise<DemoResult>;
  /** What is not as it should be. */
  verdicts(result: DemoResult): string[];
}

/** A shop that does not answer is given up sooner than in earnest, so that the demo is short. */
const REQUEST_TIMEOUT = 1_500;
/** How long the last events may take to be heard, in ms; one that is missing by then is missing. */
const EVENTS_WITHIN = 5_000;
/** Small, so that the catalogue takes several pages. */
const PAGE_SIZE = 30;

/** @param onChange Called after each change of an order's view. */
export async function runDemo(
  { carts, SHOP_URL }: Pick<DemoOptions, 'carts' | 'SHOP_URL'>,
  onChange: (order: DemoOrder, changed: ReadonlySet<string>) => void,
): Promise<DemoRun> {
  const stack = new AsyncDisposableStack();
  const url = SHOP_URL ?? stack.use(await startDemoShop({ faults: 'some', seed: 7 })).url;
  const backend = stack.use(memoryBackend());
  const shop = shopClient({ url, timeout: REQUEST_TIMEOUT, pageSize: PAGE_SIZE });
  const service = stack.use(
    await startService({
      backend,
      tasks: ({ publish, records }) => [shopOrderTask({ shop, publish, records })],
      drainWithin: 0,
    }),
  );
  const orders = ordersOf(carts ?? demoCarts.map(({ id }) => id), SHOP_URL === undefined);

  const byId = new Map(orders.map((order) => [order.id, order]));
  stack.use(
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
  stack.use(
    await backend.events.subscribe('orders.created.*', { name: 'demo' }, ({ body }) => {
      events.push(orderCreatedSchema.parse(body));
      arrival.emit('event');
    }),
  );
  /** A subscriber hears a little later that what it waits for was published. */
  const heard = async (count: number) => {
    const signal = AbortSignal.timeout(EVENTS_WITHIN);
    while (events.length < count && !signal.aborted) await once(arrival, 'event', { signal }).catch(() => {});
    return events;
  };

  return {
    orders,
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

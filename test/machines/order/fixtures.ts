import { type ActorOptions, createActor, toPromise } from 'xstate';
import type { Cart, CartLine, Product } from '../../../machines/order/index.ts';
import { orderTask } from '../../../machines/order/index.ts';
import type { TaskOutput } from '../../../machines/step/index.ts';
import { reportOf, type TaskReport, type TaskSnapshot } from '../../../machines/task/index.ts';

export function product(given: Partial<Product> = {}): Product {
  return { id: 1, title: 'A product', price: 10, stock: 100, availabilityStatus: 'In Stock', ...given };
}

export function line(given: Partial<CartLine> = {}): CartLine {
  return { id: 1, title: 'A product', quantity: 1, discountPercentage: 0, ...given };
}

export function cart(...lines: readonly Partial<CartLine>[]): Cart {
  return { id: 7, userId: 70, products: lines.map(line) };
}

/** The numbers of the seed: 175.95, and 164.198241 before rounding. */
export const seedCart: Cart = {
  ...cart(
    { id: 4, quantity: 2, discountPercentage: 14.12 },
    { id: 6, quantity: 3, discountPercentage: 5.39 },
  ),
  userId: 102,
};
export const seedCatalogue: readonly Product[] = [
  product({ id: 4, title: 'Lip balm', price: 12.99 }),
  product({ id: 6, title: 'Night cream', price: 49.99 }),
];

interface Given {
  readonly id?: string;
  readonly context?: { readonly cart_id: number };
  /** Outputs that are known already. */
  readonly results?: Readonly<Record<string, unknown>>;
}

type Input = NonNullable<ActorOptions<typeof orderTask.machine>['input']>;

export function inputOf({ id = 'task-1', context = { cart_id: 7 }, results = {} }: Given = {}): Input {
  return { id, context, results };
}

/** Runs an order to its end. */
export async function outcomeOf(
  { machine }: Pick<typeof orderTask, 'machine'>,
  { clock, ...given }: Given & Pick<ActorOptions<typeof orderTask.machine>, 'clock'> = {},
): Promise<{ output: TaskOutput; report: TaskReport; results: Readonly<Record<string, unknown>> }> {
  const actor = createActor(machine, { ...(clock && { clock }), input: inputOf(given) });
  actor.start();
  const output = await toPromise(actor);
  const snapshot = actor.getSnapshot();
  return { output, report: reportOf(snapshot as TaskSnapshot), results: snapshot.context.results };
}

/** What an HTTP client throws for an answer: nothing but the shape that they share. */
export function answer(
  status: number,
  headers: Record<string, string> = {},
  data: unknown = undefined,
): Error {
  return Object.assign(new Error(`Request failed with status code ${status}`), {
    response: new Response(null, { status, headers }),
    request: { method: 'GET', url: 'http://shop.example/carts/7' },
    data,
  });
}

/** Effects that succeed at once, without a shop. */
export function ownEffects() {
  return orderTask.provide({
    fetch_cart: () => seedCart,
    fetch_products: () => [...seedCatalogue],
    create_order: ({ id, results: { validate_products } }) => ({
      id: `own-${id}`,
      status: 'placed_pending_fulfillment',
      cart_id: validate_products.cart_id,
      user_id: validate_products.user_id,
      products: [],
      total: 1,
      discounted_total: 1,
      currency: 'USD',
      created_at: '2026-01-02T03:04:05.678Z',
    }),
    publish_event: ({ key, results: { create_order } }) => ({
      event_id: key,
      subject: `orders.created.${create_order.id}`,
      stream: 'OWN',
      sequence: 1,
      duplicate: false,
      acknowledged_at: '2026-01-02T03:04:05.678Z',
    }),
  });
}

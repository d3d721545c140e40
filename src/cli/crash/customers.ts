import { setTimeout as sleep } from 'node:timers/promises';
import { draw, pick } from '../../shop/demo/hash.ts';
import { demoCarts, planFault } from '../../shop/demo/index.ts';
import type { Ordered } from './evidence.ts';
import type { Fleet } from './fleet.ts';
import type { Door } from './site.ts';

/** How much fails at the shop. */
export const FAULTS = 'some';
/** One more order every so many ms, */
const ORDER_EVERY = 75;
/** as long as no more than this have not ended: a slow machine is not buried in them. */
const MOST_OPEN = 40;

interface CustomersOptions {
  readonly fleet: Fleet;
  readonly door: Door;
  readonly seed: number;
  /** Whether they order what the shop leaves hanging, too. */
  readonly hanging: boolean;
}

/**
 * They order all the time.
 *
 * - An order whose acknowledgement was cut off is made again under the same id. One that was acknowledged never is: if it
 *   were lost, it would stay lost.
 */
export class Customers {
  /** The orders that were acknowledged. */
  readonly orders: Ordered[] = [];
  readonly #fleet: Fleet;
  readonly #door: Door;
  readonly #seed: number;
  readonly #hanging: boolean;
  readonly #all: Promise<void>[] = [];
  readonly #stopped = new AbortController();
  #ended = 0;

  constructor({ fleet, door, seed, hanging }: CustomersOptions) {
    this.#fleet = fleet;
    this.#door = door;
    this.#seed = seed;
    this.#hanging = hanging;
  }

  /** Orders until it is stopped. */
  async order(): Promise<void> {
    const { signal } = this.#stopped;
    for (let n = 1; !signal.aborted; n += 1) {
      const ordered = this.#choose(n);
      if (!this.#hanging && hangs(this.#seed, ordered.id)) continue;
      const waiting = this.#wait(ordered);
      waiting.catch((error) => this.#fleet.fail(error));
      this.#all.push(waiting);
      do await sleep(ORDER_EVERY, undefined, { signal }).catch(() => {});
      while (!signal.aborted && this.#all.length - this.#ended >= MOST_OPEN);
    }
  }

  stop(): void {
    this.#stopped.abort();
  }

  /** Resolves when every order has ended, or when none has for `patience` ms. */
  async served(patience: number): Promise<void> {
    // Nothing can end before.
    await this.#fleet.ready();
    const done = new AbortController();
    const { signal } = done;
    const all = Promise.all(this.#all).then(() => 'all' as const);
    try {
      for (let before = -1; before < this.#ended; ) {
        before = this.#ended;
        if ((await Promise.race([all, sleep(patience, 'late', { signal })])) === 'all') return;
      }
    } finally {
      done.abort();
    }
  }

  #choose(n: number): Ordered {
    const [drawn] = draw(`${this.#seed} orders ${n}`);
    const cart = demoCarts[pick(drawn, demoCarts.length)];
    if (!cart) throw new Error('There are no carts.');
    return { id: `crash-${this.#seed}-${n}`, cartId: cart.id, expect: cart.expect };
  }

  async #wait(ordered: Ordered): Promise<void> {
    const { id, cartId } = ordered;
    const request = {
      name: 'order',
      context: { cart_id: cartId },
      initiator: 'crash',
      reason: 'Process order',
      source_system: 'crash',
    };
    await this.#door.submit(id, request);
    this.orders.push(ordered);
    await this.#door.ended(id);
    this.#ended += 1;
  }
}

/** Whether the shop leaves the order hanging at some time. */
function hangs(seed: number, id: string): boolean {
  return ['fetch_cart', 'fetch_products'].some((step) =>
    [1, 2].some((asked) => planFault({ seed, key: `${id}/${step}`, asked, level: FAULTS })?.kind === 'hang'),
  );
}

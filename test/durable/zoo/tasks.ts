import { createOrder } from '../../../machines/order/index.ts';
import { PermanentError, RetryableError } from '../../../machines/step/index.ts';
import { taskFromData } from '../../../machines/task/index.ts';
import { ownEffects } from '../../machines/order/fixtures.ts';
import type { Animal, World } from '../world.ts';

/** Tasks: the machines that all of this is for. Their effects have keys of their own. */

interface Attempted {
  readonly key: string;
  readonly attempt: number;
  readonly signal: AbortSignal;
}

/** Makes an attempt that is counted, takes a while and may fail. */
function effect<Output>(world: World, gives: (attempt: number) => Output, takes = 10) {
  return async ({ key, attempt, signal }: Attempted): Promise<Output> => {
    const name = `${key} attempt ${attempt}`;
    world.did('run', name);
    signal.addEventListener('abort', () => world.did('stop', name));
    await world.clock.sleep(takes);
    return gives(attempt);
  };
}

/** Each entry of a step's `running` is another actor, and another attempt under the same key. */
export function attemptName(id: string) {
  return (address: string) => {
    const [step, attempt = '1'] = address.split('#');
    return `${id}/${step} attempt ${attempt}`;
  };
}

const order: Animal = {
  name: 'the order task',
  input: { id: 'order-1', context: { cart_id: 7 } },
  runName: attemptName('order-1'),
  machine: (world) => {
    return ownEffects().provide(
      {
        fetch_cart: effect(
          world,
          () => ({
            id: 7,
            userId: 70,
            products: [{ id: 4, title: 'Balm', quantity: 2, discountPercentage: 10 }],
          }),
          30,
        ),
        fetch_products: effect(
          world,
          (attempt) => {
            if (attempt === 1) throw new RetryableError('The shop is closed.', { code: 'closed' });
            return [
              { id: 4, title: 'Balm', price: 12.99, stock: 9, availabilityStatus: 'In Stock' as const },
            ];
          },
          10,
        ),
        create_order: async (args) => {
          await effect(world, () => {})(args);
          return createOrder(args.id, args.results.validate_products, 1_000);
        },
        publish_event: async (args) => {
          await effect(world, () => {})(args);
          const subject = `orders.created.${args.results.create_order.id}`;
          return {
            event_id: args.key,
            subject,
            stream: 'ORDERS',
            sequence: 1,
            duplicate: false,
            acknowledged_at: new Date(2_000).toISOString(),
          };
        },
      },
      { random: () => 0.5 },
    ).machine;
  },
};

const cancelled: Animal = {
  name: 'a task that is cancelled while it runs',
  input: { id: 'task-1', context: {} },
  runName: attemptName('task-1'),
  timely: true,
  machine: (world) =>
    taskFromData({
      name: 'cancelled',
      version: '1',
      steps: [{ name: 'a' }, { name: 'b' }, { name: 'c', after: ['a'] }],
    }).provide({
      a: effect(world, () => 'a'),
      b: effect(world, () => 'b', 1_000),
      c: effect(world, () => 'c', 2_000),
    }).machine,
  script: [
    {
      when: (s) => Object.hasOwn(s.context.results as object, 'b'),
      event: { type: 'task.cancel', reason: 'no more need' },
    },
  ],
};

const failing: Animal = {
  name: 'a task whose step fails for good',
  input: { id: 'task-2', context: {} },
  runName: attemptName('task-2'),
  machine: (world) =>
    taskFromData({
      name: 'failing',
      version: '1',
      steps: [{ name: 'a' }, { name: 'b', after: ['a'] }],
    }).provide({
      a: effect(world, () => 'a'),
      b: effect(world, (): string => {
        throw new PermanentError('It cannot be done.', { code: 'impossible' });
      }),
    }).machine,
};

export const tasks: readonly Animal[] = [order, cancelled, failing];

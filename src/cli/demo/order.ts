import type { Order, OrderCreated } from '../../../machines/order/index.ts';
import type { TaskError } from '../../../machines/step/index.ts';
import type { TaskView } from '../../service/index.ts';
import type { DemoExpectation } from '../../shop/demo/index.ts';

/** An order of the demo, before and while it runs. */
export interface DemoOrder {
  readonly id: string;
  readonly cartId: number;
  /** What is special about the cart. */
  readonly title: string;
  /** What should become of it; unknown in another shop. */
  readonly expect: DemoExpectation | undefined;
  /** How it stands. */
  view: TaskView;
}

export function hasEnded({ view }: DemoOrder): boolean {
  return ['complete', 'error', 'cancelled', 'resolved_manually'].includes(view.status);
}

/** What the demo ends with: what `--json` prints. */
export interface DemoResult {
  readonly tasks: readonly {
    readonly id: string;
    readonly cart_id: number;
    readonly status: TaskView['status'];
    readonly order?: Order;
    readonly error?: TaskError;
    readonly steps: Readonly<Record<string, { status: string; attempts: number }>>;
  }[];
  /** What was published. */
  readonly events: readonly OrderCreated[];
}

import type { Order } from '../../machines/order/order.ts';

/** A system as it is in a worker process: it runs orders that are asked for there. */
export interface Engine extends AsyncDisposable {
  /**
   * Runs one order to its end, as durable as the system makes it. Rejects if it did not end well.
   *
   * @returns The order that was made; nothing of a system that makes none (a limit).
   */
  run(id: string): Promise<Order | undefined>;
  /** What lies in the system's own store: held against the number of orders run. */
  kept(): Promise<readonly Kept[]>;
  /** The order as the system's store tells of it afterwards. Without it, nothing can be read again. */
  reread?(id: string): Promise<Order>;
}

/** How many of a thing there are, and how many an order leaves behind. */
export interface Kept {
  readonly what: string;
  readonly count: number;
  readonly perOrder: number;
}

export interface EngineOptions {
  /** Of its server; empty where it has none. */
  readonly url: string;
  /** A folder for files of its own; it is removed with the run. */
  readonly folder: string;
  /** The most orders that will be in flight in this process. */
  readonly inFlight: number;
  /** Whether results are about 10 KB, not 1 KB. */
  readonly full: boolean;
}

/** What the module of an engine exports. */
export interface EngineModule {
  open(options: EngineOptions): Promise<Engine>;
}

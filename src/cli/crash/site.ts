import type { Backend } from '../../backends/index.ts';
import type { Place } from './backends.ts';
import type { Fleet } from './fleet.ts';
import type { Hurry } from './hurried-clock.ts';
import type { Rhythm } from './rhythm.ts';

/** Where a run takes place: what keeps its data, and how its customers come to it. */
export interface Site extends AsyncDisposable {
  readonly place: Place;
  /** The time in which its services live. */
  readonly hurry: Hurry;
  readonly rhythm: Rhythm;
  /** How long a worker waits for an answer of the shop, in ms. */
  readonly timeout: number;
  /** Whether there are orders that the shop leaves hanging: each takes as long as that. */
  readonly hanging: boolean;
  door(fleet: Fleet): Door;
  /** What is left of the run, to be read once the workers have ended. It is the caller's to close. */
  read(): Promise<Backend>;
  /** Kills the server that keeps the data, and starts it again, where there is one. */
  readonly killServer?: () => Promise<void>;
}

/** Where customers order. */
export interface Door {
  /** Resolves once the order is acknowledged, however many processes die meanwhile: it is made again under the same id. */
  submit(id: string, request: OrderRequest): Promise<void>;
  /** Resolves once the task has ended, as far as customers hear of it. */
  ended(id: string): Promise<void>;
}

export interface OrderRequest {
  readonly name: string;
  readonly context: { readonly cart_id: number };
  readonly initiator: string;
  readonly reason: string;
  readonly source_system: string;
}

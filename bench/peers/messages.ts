import type { EngineOptions, Kept } from './engine.ts';

/** What the worker process of a system is started with, as JSON in its first argument. */
export interface WorkerTask extends EngineOptions {
  /** The engine's module, relative to this folder. */
  readonly module: string;
  /** Tells the workers of a system apart, and the rounds. */
  readonly name: string;
}

/** What the bench asks of a worker process: each is answered by one {@link Answer}. */
export type Ask =
  | { readonly type: 'run'; readonly inFlight: number; readonly duration: number }
  /** What the store holds, and some orders of this worker read again. */
  | { readonly type: 'check'; readonly orders: number; readonly patience: number }
  | { readonly type: 'end' };

export type Answer =
  | { readonly type: 'ready' }
  | ({ readonly type: 'ran' } & WorkerWindow)
  | { readonly type: 'checked'; readonly kept: readonly Kept[] }
  | { readonly type: 'ended' }
  /** What was asked for could not be done: with what was thrown, as text. The process ends. */
  | { readonly type: 'failed'; readonly error: string };

/** What one worker did in one window. */
export interface WorkerWindow {
  readonly orders: number;
  readonly seconds: number;
  /** Of each order, in ms. */
  readonly latencies: Float64Array;
  /** User and system time, in s. */
  readonly cpu: number;
  /** Resident at the window's end, in MB. */
  readonly memory: number;
}

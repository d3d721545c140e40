/** A message from the inbox, in the worker's hands until it is settled. */
export interface Offer {
  readonly message: {
    readonly kind: 'request' | 'event';
    readonly taskId: string;
    /** The task's name, by which the message found this worker. */
    readonly name: string;
    /** An event's. */
    readonly eventId?: string;
    readonly body: unknown;
  };
  /** How many times it has been handed over, this time included. */
  readonly attempt: number;
  acknowledge(): Promise<void>;
  /** @param until ms since the epoch. @default now */
  handBack(until?: number): Promise<void>;
  keepAlive(): void;
}

/** A task that can be run: an XState actor, or what stands for one. */
export interface TaskActor {
  /**
   * `complete` once its end is recorded, not before. `error` when it broke without that: it is run again. Of an
   * `OwnershipLostError` nothing follows: it is another's now.
   */
  subscribe(observer: { error: (error: unknown) => void; complete: () => void }): { unsubscribe(): void };
  start(): void;
  /** Resolves once the event is as lasting as the task itself. */
  send(event: { type: string }): void | Promise<void>;
  /** Stops at once; effects are aborted, nothing is recorded. */
  stop(): void;
  getSnapshot(): unknown;
}

/** Not yet to be run: its delivery is handed back until a time, in ms since the epoch. */
export interface Deferral {
  readonly until: number;
}

/**
 * Makes the actor of a task, not yet started.
 *
 * @param request The request's body; `undefined` where an event, not a request, woke the task.
 * @param message What woke it. An event is sent to the actor once that has started.
 * @returns `undefined` if there is nothing to run: the task has ended, or was never asked for.
 * @throws What may pass: the delivery is handed back, and comes again after a growing wait.
 */
export type CreateTask = (
  id: string,
  request: unknown,
  message: Offer['message'],
) => Created | Promise<Created>;
type Created = TaskActor | Deferral | undefined;

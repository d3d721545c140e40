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
  /** Nobody can ever take it. @param reason A sentence, for its sender. */
  refuse(reason: string): Promise<void>;
  keepAlive(): void;
}

/** Told what becomes of a task. */
export interface TaskObserver {
  /** Its end is recorded. */
  complete(): void;
  /** It broke without that: it is run again. Of an `OwnershipLostError` nothing follows: it is another's now. */
  error(error: unknown): void;
  /**
   * It has left memory in order, and waits.
   *
   * @param until When it is to be run again, in ms since the epoch; without it, by an event alone.
   */
  parked(until?: number): void;
  /** Its process does not die of it: something that came to it is lasting, or it was taken up and nothing of it runs. */
  cleared(): void;
}

/** A task that can be run: an XState actor, or what stands for one. */
export interface TaskActor {
  subscribe(observer: TaskObserver): { unsubscribe(): void };
  start(): void;
  /**
   * Resolves once the event is as lasting as the task itself.
   *
   * @param eventId An event that the task has already is not taken again.
   * @returns `false`, or a promise of it, if it was not taken, since the task does not run any more: whoever runs it next is to have it.
   */
  send(event: { type: string }, eventId?: string): unknown;
  /** Stops at once; effects are aborted, nothing is recorded. */
  stop(): void;
  /** Stops in order: effects are aborted, and it is recorded that it was no death. @default {@link stop} */
  release?(): Promise<void>;
  getSnapshot(): unknown;
}

/** Not yet to be run: its delivery is handed back until a time, in ms since the epoch. */
export interface Deferral {
  readonly until: number;
}

/** What woke it is nothing that anybody could run: its delivery is refused, with the reason. */
export interface Refusal {
  readonly refused: string;
}

/** It is to be run with nothing else in flight: it may be what its process died of. */
export interface Suspicion {
  readonly alone: true;
}

/**
 * Makes the actor of a task, not yet started.
 *
 * @param request The request's body; `undefined` where an event, not a request, woke the task.
 * @param message What woke it. An event is sent to the actor once that has started.
 * @param how `attempt`: how many times the message has been handed over. `alone`: nothing else is in flight.
 * @returns `undefined` if there is nothing to run: the task has ended, or was never asked for.
 * @throws What may pass: the delivery is handed back, and comes again after a growing wait.
 */
export type CreateTask = (
  id: string,
  request: unknown,
  message: Offer['message'],
  how: { readonly attempt: number; readonly alone: boolean },
) => Created | Promise<Created>;
type Created = TaskActor | Deferral | Refusal | Suspicion | undefined;

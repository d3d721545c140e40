import { type AnyActorRef, fromCallback } from 'xstate';
import { type Clock, now } from '../clock.ts';

/**
 * Holds the live tasks: each a root actor of its own, in a map, so that the cost of a spawn does not grow with their number.
 *
 * Invariants:
 * - O1. One live actor a task id.
 * - O2. Every delivery is settled: acknowledged once its task has ended, or handed back. None is lost, none settled early.
 * - O3. What one task throws is reported, and harms no other.
 * - O4. There is no queue here: what the inbox may hand over at a time is the bound.
 *
 * The pool owns: which tasks live, and their deliveries. `createTask` owns: what a task is, how it is made to last, and its past.
 */

/** A message from the inbox, in the worker's hands until it is settled. */
export interface Offer {
  readonly message: {
    readonly kind: 'request' | 'event';
    readonly taskId: string;
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
  /** `complete` or `error` once its end is recorded; not before. */
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
 * @returns `undefined` if there is nothing to run: the task has ended, or was never asked for.
 * @throws What may pass: the delivery is handed back, and comes again after a growing wait.
 */
export type CreateTask = (id: string, request: unknown) => Created | Promise<Created>;
type Created = TaskActor | Deferral | undefined;

export type PoolEvent =
  | { readonly type: 'task.offer'; readonly delivery: Offer }
  /** Sends an event to a task if it lives here; says whether it does. */
  | {
      readonly type: 'task.send';
      readonly id: string;
      readonly event: { type: string };
      readonly reply: (sent: Promise<boolean>) => void;
    }
  /** Hands over the snapshot of a task that lives here. */
  | { readonly type: 'task.report'; readonly id: string; readonly reply: (snapshot: unknown) => void }
  /** No new task is started; says so when the last one has ended. */
  | { readonly type: 'pool.drain' }
  /** Stops every task and hands its deliveries back. */
  | { readonly type: 'pool.release' };

/** What the pool tells its supervisor. */
export type PoolReport =
  | { readonly type: 'pool.drained'; readonly handedBack: number }
  | { readonly type: 'task.crashed'; readonly id: string; readonly error: unknown }
  | { readonly type: 'task.refused'; readonly id: string; readonly error: unknown }
  /** The inbox did not take an acknowledgement or a hand-back: the message will come again. */
  | { readonly type: 'delivery.unsettled'; readonly id: string; readonly error: unknown };

export interface PoolOptions {
  readonly createTask: CreateTask;
  /** How often held deliveries are kept alive, in ms. */
  readonly keepAliveEvery: number;
}

const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;

interface LiveTask {
  /** What woke it, settled when it ends. */
  readonly delivery: Offer;
  /** The actor once it has been started; nothing if it never will be. */
  readonly started: PromiseWithResolvers<TaskActor | undefined>;
  actor?: TaskActor;
  subscription?: { unsubscribe(): void };
}

/** Stops a task's actor without hearing of it: a stopped XState actor tells its observers that it is complete. */
function quiet({ actor, subscription }: LiveTask): void {
  subscription?.unsubscribe();
  actor?.stop();
}

export type PoolLogic = ReturnType<typeof poolOf>;

export function poolOf({ createTask, keepAliveEvery }: PoolOptions) {
  return fromCallback<PoolEvent>(({ receive, sendBack, self }) => {
    const { clock } = self as AnyActorRef as AnyActorRef & { clock: Clock };
    const tasks = new Map<string, LiveTask>();
    let draining = false;
    let settling = 0;
    let handedBack = 0;
    let beat: unknown;

    const tell = (report: PoolReport) => sendBack(report);

    receive((event) => {
      switch (event.type) {
        case 'task.offer':
          return offer(event.delivery);
        case 'task.send':
          return event.reply(sendTo(tasks.get(event.id), event.event));
        case 'task.report':
          return event.reply(tasks.get(event.id)?.actor?.getSnapshot());
        case 'pool.drain':
          draining = true;
          return tellIfDrained();
        case 'pool.release':
          handedBack = tasks.size;
          for (const [id, live] of [...tasks]) {
            quiet(live);
            giveBack(id, live);
          }
          return tellIfDrained();
        default:
          return event satisfies never;
      }
    });

    function offer(delivery: Offer): void {
      const { kind, taskId, body } = delivery.message;
      const live = tasks.get(taskId);
      if (live && kind === 'request') settle(taskId, () => delivery.acknowledge());
      else if (live) settle(taskId, () => passOn(live, delivery));
      else if (draining) settle(taskId, () => delivery.handBack());
      else void start(taskId, kind === 'request' ? body : undefined, delivery);
    }

    async function start(id: string, request: unknown, delivery: Offer): Promise<void> {
      const live: LiveTask = { delivery, started: Promise.withResolvers() };
      tasks.set(id, live);
      keepAlive();
      try {
        const created = await createTask(id, request);
        // Released while it was being made: its delivery is handed back already.
        if (tasks.get(id) !== live) return;
        if (!created) return ended(id, live);
        if ('until' in created) return giveBack(id, live, created.until);
        live.actor = created;
        live.subscription = created.subscribe({
          complete: () => ended(id, live),
          error: (error) => {
            tell({ type: 'task.crashed', id, error });
            ended(id, live);
          },
        });
        created.start();
        if (delivery.message.kind === 'event') await created.send(delivery.message.body as { type: string });
        live.started.resolve(created);
      } catch (error) {
        tell({ type: 'task.refused', id, error });
        quiet(live);
        const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (delivery.attempt - 1));
        giveBack(id, live, now(clock) + wait);
      }
    }

    /** An event for a task that lives here: the task has it before the message goes. */
    async function passOn(live: LiveTask, delivery: Offer): Promise<void> {
      const sent = await sendTo(live, delivery.message.body as { type: string });
      await (sent ? delivery.acknowledge() : delivery.handBack());
    }

    async function sendTo(live: LiveTask | undefined, event: { type: string }): Promise<boolean> {
      const actor = await live?.started.promise;
      await actor?.send(event);
      return actor !== undefined;
    }

    function ended(id: string, live: LiveTask): void {
      if (forget(id, live)) settle(id, () => live.delivery.acknowledge());
    }

    function giveBack(id: string, live: LiveTask, until?: number): void {
      if (forget(id, live)) settle(id, () => live.delivery.handBack(until));
    }

    /** @returns Whether it was still live: so that its delivery is settled once. */
    function forget(id: string, live: LiveTask): boolean {
      live.started.resolve(undefined);
      return tasks.get(id) === live && tasks.delete(id);
    }

    function settle(id: string, how: () => Promise<void>): void {
      settling += 1;
      how()
        .catch((error: unknown) => tell({ type: 'delivery.unsettled', id, error }))
        .finally(() => {
          settling -= 1;
          tellIfDrained();
        });
    }

    function tellIfDrained(): void {
      if (draining && tasks.size === 0 && settling === 0) tell({ type: 'pool.drained', handedBack });
    }

    function keepAlive(): void {
      beat ??= clock.setTimeout(() => {
        beat = undefined;
        for (const { delivery } of tasks.values()) delivery.keepAlive();
        if (tasks.size > 0) keepAlive();
      }, keepAliveEvery);
    }

    return () => {
      clock.clearTimeout(beat);
      for (const live of tasks.values()) quiet(live);
      tasks.clear();
    };
  });
}

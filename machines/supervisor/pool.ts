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

/**
 * Makes the actor of a task, not yet started.
 *
 * @param request The request's body; `undefined` where an event, not a request, woke the task.
 * @returns `undefined` if there is nothing to run: the task has ended, or was never asked for.
 * @throws What may pass: the delivery is handed back, and comes again after a growing wait.
 */
export type CreateTask = (
  id: string,
  request: unknown,
) => TaskActor | undefined | Promise<TaskActor | undefined>;

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
  /** Absent while it is being made. */
  actor?: TaskActor;
  subscription?: { unsubscribe(): void };
  readonly deliveries: Offer[];
}

export type PoolLogic = ReturnType<typeof poolOf>;

export function poolOf({ createTask, keepAliveEvery }: PoolOptions) {
  return fromCallback<PoolEvent>(({ receive, sendBack, self }) => {
    const { clock } = self as AnyActorRef as AnyActorRef & { clock: Clock };
    const tasks = new Map<string, LiveTask>();
    let state: 'taking' | 'draining' | 'released' = 'taking';
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
          state = 'draining';
          return tellIfDrained();
        case 'pool.release':
          state = 'released';
          for (const id of [...tasks.keys()]) release(id);
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
      else if (state !== 'taking') handBack(taskId, delivery);
      else void start(taskId, kind === 'request' ? body : undefined, delivery);
    }

    async function start(id: string, request: unknown, delivery: Offer): Promise<void> {
      const live: LiveTask = { deliveries: [delivery] };
      tasks.set(id, live);
      keepAlive();
      try {
        const actor = await createTask(id, request);
        if (tasks.get(id) !== live) return actor?.stop();
        if (!actor) return ended(id, live);
        live.actor = actor;
        live.subscription = actor.subscribe({
          complete: () => ended(id, live),
          error: (error) => {
            tell({ type: 'task.crashed', id, error });
            ended(id, live);
          },
        });
        actor.start();
        if (delivery.message.kind === 'event') await actor.send(delivery.message.body as { type: string });
      } catch (error) {
        tell({ type: 'task.refused', id, error });
        live.subscription?.unsubscribe();
        live.actor?.stop();
        if (!tasks.delete(id)) return;
        const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (delivery.attempt - 1));
        for (const each of live.deliveries) settle(id, () => each.handBack(now(clock) + wait));
      }
    }

    /** An event for a task that lives here: the task has it before the message goes. */
    async function passOn(live: LiveTask, delivery: Offer): Promise<void> {
      // While the task is still being made there is nobody to hear it: it comes again at once.
      if (!(await sendTo(live, delivery.message.body as { type: string }))) return delivery.handBack();
      await delivery.acknowledge();
    }

    async function sendTo(live: LiveTask | undefined, event: { type: string }): Promise<boolean> {
      if (!live?.actor) return false;
      await live.actor.send(event);
      return true;
    }

    function ended(id: string, live: LiveTask): void {
      if (tasks.get(id) !== live) return;
      tasks.delete(id);
      for (const delivery of live.deliveries) settle(id, () => delivery.acknowledge());
    }

    function release(id: string): void {
      const live = tasks.get(id);
      tasks.delete(id);
      live?.subscription?.unsubscribe();
      live?.actor?.stop();
      for (const delivery of live?.deliveries ?? []) handBack(id, delivery);
    }

    function handBack(id: string, delivery: Offer): void {
      handedBack += 1;
      settle(id, () => delivery.handBack());
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
      if (state !== 'taking' && tasks.size === 0 && settling === 0) tell({ type: 'pool.drained', handedBack });
    }

    function keepAlive(): void {
      beat ??= clock.setTimeout(() => {
        beat = undefined;
        for (const { deliveries } of tasks.values()) for (const delivery of deliveries) delivery.keepAlive();
        if (tasks.size > 0) keepAlive();
      }, keepAliveEvery);
    }

    return () => {
      clock.clearTimeout(beat);
      for (const { actor, subscription } of tasks.values()) {
        subscription?.unsubscribe();
        actor?.stop();
      }
      tasks.clear();
    };
  });
}

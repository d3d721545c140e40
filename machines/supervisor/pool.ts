import { type AnyActorRef, fromCallback } from 'xstate';
import { type Clock, now } from '../clock.ts';
import { Deliveries } from './deliveries.ts';
import { OwnershipLostError } from './ownership-lost-error.ts';
import { Quarantine } from './quarantine.ts';
import type { CreateTask, Offer, TaskActor } from './task-actor.ts';

/**
 * Holds the live tasks: each a root actor of its own, in a map, so that the cost of a spawn does not grow with their number.
 *
 * Invariants:
 * - O1. One live actor a task id.
 * - O2. Every delivery is settled, once: acknowledged when its task has ended or, of an event, has it; or handed back. The one
 *   exception is a task that another process owns now: its delivery is the other's.
 * - O3. What one task throws is reported, and harms no other.
 * - O4. There is no queue here: what the inbox may hand over at a time is the bound.
 * - O5. A task that its process may have died of is run with nothing else in flight (see {@link Quarantine}).
 *
 * The pool owns: which tasks live, and the deliveries in hand. `createTask` owns: what a task is, how it is made to last, and its past.
 */

export type PoolEvent =
  | { readonly type: 'task.offer'; readonly delivery: Offer }
  /** Sends an event to a task if it lives here; says whether it was taken. */
  | {
      readonly type: 'task.send';
      readonly id: string;
      readonly event: { type: string };
      readonly eventId?: string;
      readonly reply: (sent: Promise<boolean>) => void;
    }
  /** Hands over the snapshot of a task that lives here. */
  | { readonly type: 'task.report'; readonly id: string; readonly reply: (snapshot: unknown) => void }
  /** No new task is started; says so when nothing is in hand any more. */
  | { readonly type: 'pool.drain' }
  /** Stops every task and hands back every delivery. */
  | { readonly type: 'pool.release' };

/** What the pool tells its supervisor. */
export type PoolReport =
  | { readonly type: 'pool.drained'; readonly handedBack: number }
  | { readonly type: 'task.crashed'; readonly id: string; readonly error: unknown }
  | { readonly type: 'task.refused'; readonly id: string; readonly error: unknown }
  | { readonly type: 'task.lost'; readonly id: string; readonly error: unknown }
  | { readonly type: 'delivery.unsettled'; readonly id: string; readonly error: unknown };

export interface PoolOptions {
  readonly createTask: CreateTask;
  /** How often held deliveries are kept alive, in ms. */
  readonly keepAliveEvery: number;
}

/** The wait in ms before what broke is run again; it doubles with each time. */
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;

interface LiveTask {
  readonly id: string;
  /** What keeps it awake, settled when it ends. */
  delivery: Offer;
  /** The actor once it has been started and has the event that woke it; nothing if that will never be. */
  readonly started: PromiseWithResolvers<TaskActor | undefined>;
  /** Resolves when it lives here no more. */
  readonly gone: PromiseWithResolvers<void>;
  actor?: TaskActor;
  subscription?: { unsubscribe(): void };
}

export type PoolLogic = ReturnType<typeof poolOf>;

export function poolOf({ createTask, keepAliveEvery }: PoolOptions) {
  return fromCallback<PoolEvent>(({ receive, sendBack, self }) => {
    const { clock } = self as AnyActorRef as AnyActorRef & { clock: Clock };
    const tasks = new Map<string, LiveTask>();
    const deliveries = new Deliveries({
      clock,
      keepAliveEvery,
      settled: () => tellIfDrained(),
      failed: (id, error) => tell({ type: 'delivery.unsettled', id, error }),
    });
    /** On their way out: they are no more among the tasks, but may still write. */
    const leaving = new Set<LiveTask>();
    let draining = false;
    let drained = false;
    let isStopped = false;
    let handedBack = 0;
    const quarantine = new Quarantine({ count: () => tasks.size + leaving.size, start, evacuate }, clock);

    const tell = (report: PoolReport) => sendBack(report);

    receive((event) => {
      switch (event.type) {
        case 'task.offer':
          return offer(event.delivery);
        case 'task.send':
          return event.reply(sendTo(tasks.get(event.id), event.event, event.eventId));
        case 'task.report':
          return event.reply(tasks.get(event.id)?.actor?.getSnapshot());
        case 'pool.drain':
          draining = true;
          for (const delivery of quarantine.clear()) void deliveries.handBack(delivery);
          return tellIfDrained();
        case 'pool.release':
          return release();
        default:
          return event satisfies never;
      }
    });

    function offer(delivery: Offer): void {
      deliveries.hold(delivery);
      const { kind, taskId } = delivery.message;
      const live = tasks.get(taskId);
      if (live && (kind === 'request' || isSameEvent(live.delivery, delivery)))
        void supersede(live, delivery);
      else if (live) void passOn(live, delivery);
      else if (draining) void deliveries.handBack(delivery);
      else if (quarantine.isOn) quarantine.hold(delivery);
      else start(delivery, { alone: false });
    }

    function start(delivery: Offer, how: { alone: boolean }): void {
      const { taskId: id } = delivery.message;
      // It waited, and another wake-up of its task was before it.
      if (tasks.has(id)) {
        offer(delivery);
        return;
      }
      const live: LiveTask = {
        id,
        delivery,
        started: Promise.withResolvers(),
        gone: Promise.withResolvers(),
      };
      tasks.set(id, live);
      void run(live, how);
    }

    async function run(live: LiveTask, how: { alone: boolean }): Promise<void> {
      const { delivery } = live;
      const { message, attempt } = delivery;
      const { kind, body, eventId } = message;
      try {
        const request = kind === 'request' ? body : undefined;
        const created = await createTask(live.id, request, message, { ...how, attempt });
        const isActor = created && !('until' in created) && !('alone' in created) && !('refused' in created);
        if (isActor) live.actor = created;
        // Released while it was being made: its delivery is handed back already.
        if (!isLive(live)) return isStopped ? stop(live) : void released(live);
        if (!created) return ended(live);
        if ('refused' in created) return refuse(live, created.refused);
        if ('until' in created) return giveBack(live, created.until);
        if (draining) return isActor ? leave(live) : giveBack(live);
        if ('alone' in created) {
          quarantine.suspect(live.delivery);
          forget(live);
          return;
        }
        live.actor = created;
      } catch (error) {
        return broke(live, 'task.refused', error);
      }
      try {
        live.subscription = live.actor.subscribe({
          complete: () => ended(live),
          error: (error) => broke(live, 'task.crashed', error),
          parked: (until) => (until === undefined ? ended(live) : giveBack(live, until)),
          cleared: () => quarantine.free(live.id),
        });
        if (isLive(live)) live.actor.start();
        const isOn = isLive(live) && (kind !== 'event' || (await sendOn(live.actor, body, eventId)));
        live.started.resolve(isOn ? live.actor : undefined);
      } catch (error) {
        broke(live, 'task.crashed', error);
      }
    }

    /** A second wake-up of a task that lives: the first one has lapsed, or was doubled. The later is surely in our hands: it is kept. */
    async function supersede(live: LiveTask, delivery: Offer): Promise<void> {
      const before = live.delivery;
      live.delivery = delivery;
      // An event that woke the task goes once the task has it.
      const isDone = before.message.kind === 'request' || (await live.started.promise) !== undefined;
      await (isDone ? deliveries.acknowledge(before) : deliveries.handBack(before));
    }

    /** An event for a task that lives here: the task has it before the message goes. One that it has not taken wakes it anew. */
    async function passOn(live: LiveTask, delivery: Offer): Promise<void> {
      try {
        const { body, eventId } = delivery.message;
        if (await sendTo(live, body as { type: string }, eventId))
          return await deliveries.acknowledge(delivery);
        // It is on its way out. How it leaves is its own to say: its message may be another's by now.
        await live.gone.promise;
        if (deliveries.has(delivery)) offer(delivery);
      } catch (error) {
        tell({ type: 'delivery.unsettled', id: live.id, error });
        await deliveries.handBack(delivery, retryTime(delivery));
      }
    }

    async function sendTo(
      live: LiveTask | undefined,
      event: { type: string },
      eventId: string | undefined,
    ): Promise<boolean> {
      const actor = await live?.started.promise;
      return live !== undefined && actor !== undefined && isLive(live) && sendOn(actor, event, eventId);
    }

    async function sendOn(actor: TaskActor, event: unknown, eventId: string | undefined): Promise<boolean> {
      return (await actor.send(event as { type: string }, eventId)) !== false;
    }

    function release(): void {
      draining = true;
      handedBack = deliveries.held.length;
      quarantine.clear();
      evacuate();
      const later = new Set([...leaving].map(({ delivery }) => delivery));
      for (const delivery of deliveries.held) if (!later.has(delivery)) void deliveries.handBack(delivery);
      tellIfDrained();
    }

    /** Every task leaves in order, and its delivery is handed back. */
    function evacuate(): void {
      for (const live of [...tasks.values()]) leave(live);
    }

    function leave(live: LiveTask): void {
      unsubscribe(live);
      // Before it is forgotten: it is in flight until it has left.
      if (live.actor?.release) leaving.add(live);
      forget(live);
      const left = released(live);
      if (leaving.has(live)) void left.then(() => deliveries.handBack(live.delivery));
      else void deliveries.handBack(live.delivery);
    }

    /** It lives here no more, and has left in order where it can. */
    async function released(live: LiveTask): Promise<void> {
      const { id, actor } = live;
      if (!actor?.release) return stop(live);
      try {
        await actor.release();
      } catch (error) {
        tell({ type: 'task.crashed', id, error });
      }
      if (leaving.delete(live)) quarantine.step();
    }

    function ended(live: LiveTask): void {
      if (forget(live)) void deliveries.acknowledge(live.delivery);
    }

    function refuse(live: LiveTask, reason: string): void {
      if (forget(live)) void deliveries.refuse(live.delivery, reason);
    }

    function giveBack(live: LiveTask, until?: number): void {
      if (forget(live)) void deliveries.handBack(live.delivery, until);
    }

    function broke(live: LiveTask, type: 'task.refused' | 'task.crashed', error: unknown): void {
      if (!forget(live)) return;
      stop(live);
      if (error instanceof OwnershipLostError) {
        tell({ type: 'task.lost', id: live.id, error });
        deliveries.abandon(live.delivery);
        tellIfDrained();
      } else {
        tell({ type, id: live.id, error });
        void deliveries.handBack(live.delivery, retryTime(live.delivery));
      }
    }

    /** Stops a task's actor without hearing of it: a stopped XState actor tells its observers that it is complete. */
    function stop(live: LiveTask): void {
      unsubscribe(live);
      try {
        live.actor?.stop();
      } catch (error) {
        tell({ type: 'task.crashed', id: live.id, error });
      }
    }

    function unsubscribe({ id, subscription }: LiveTask): void {
      try {
        subscription?.unsubscribe();
      } catch (error) {
        tell({ type: 'task.crashed', id, error });
      }
    }

    function isLive(live: LiveTask): boolean {
      return tasks.get(live.id) === live;
    }

    /** @returns Whether it was still live: so that it ends in one way only. */
    function forget(live: LiveTask): boolean {
      live.started.resolve(undefined);
      if (!isLive(live)) return false;
      tasks.delete(live.id);
      live.gone.resolve();
      quarantine.left(live.id);
      return true;
    }

    function tellIfDrained(): void {
      if (!draining || drained || deliveries.count > 0) return;
      drained = true;
      tell({ type: 'pool.drained', handedBack });
    }

    function retryTime({ attempt }: Offer): number {
      return now(clock) + Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempt - 1));
    }

    return () => {
      isStopped = true;
      deliveries.clear();
      quarantine.clear();
      for (const live of [...tasks.values(), ...leaving]) {
        forget(live);
        stop(live);
      }
    };
  });
}

function isSameEvent({ message: one }: Offer, { message: other }: Offer): boolean {
  return one.kind === 'event' && one.eventId !== undefined && one.eventId === other.eventId;
}

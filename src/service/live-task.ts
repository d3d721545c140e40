import type { AnyStateMachine, InspectionEvent } from 'xstate';
import { type Clock, now } from '../../machines/clock.ts';
import { NotJsonError } from '../../machines/not-json-error.ts';
import { OwnershipLostError, type TaskActor, type TaskObserver } from '../../machines/supervisor/index.ts';
import { reportOf, type TaskReport, type TaskSnapshot } from '../../machines/task/index.ts';
import { JournalConflictError, RefusedError, UnavailableError } from '../backends/index.ts';
import {
  chartHash,
  type DurableActor,
  durable,
  EntryRefusedError,
  type Folded,
  type Outcome,
  type Problem,
  type Waits,
} from '../durable/index.ts';
import { BLOCKED_WAIT } from './blocking.ts';
import { changeMessage } from './change-event.ts';
import type { ChangeFeed } from './change-feed.ts';
import { crashed, unrecordable } from './ends.ts';
import type { Owners } from './owners.ts';
import { pause } from './pause.ts';
import type { TaskEntry } from './task-entry.ts';
import { parseEvent, RESTART, type TaskEvent } from './task-event.ts';
import type { TaskLog } from './task-log.ts';
import type { TaskPast } from './task-past.ts';
import { TaskStory, type Told } from './task-story.ts';
import type { TaskView } from './task-view.ts';

/** What a live task is made of, and works with. */
export interface LiveTaskOptions {
  readonly id: string;
  readonly task: { readonly name: string; readonly version: string; readonly machine: AnyStateMachine };
  readonly input: TaskInput;
  readonly past: TaskPast;
  readonly log: TaskLog;
  readonly feed: ChangeFeed;
  readonly owners: Owners;
  readonly clock: Clock;
  /** A task that waits for longer leaves memory, in ms. */
  readonly parkAfter: number;
  readonly alwaysReplay: boolean;
  readonly inspect: ((event: InspectionEvent) => void) | undefined;
  /** Told of what was wrong without ending the task's being run. */
  readonly report: (
    report:
      | { type: 'task.crashed' | 'task.blocked' | 'event.refused'; id: string; error: unknown }
      | { type: 'task.problem'; id: string; problem: Problem },
  ) => void;
}

export interface TaskInput {
  readonly id: string;
  readonly context: unknown;
  readonly results?: Readonly<Record<string, unknown>>;
}

/** How long the journal is left alone after it did not answer, in ms. */
const END_RETRY = 1_000;

/**
 * A task that runs in this process: its machine made durable on its journal, and what is told of it.
 *
 * - L1. Every change of its chart is published, in order, beside its way: no step waits for that. Taken up again, it tells its
 *   past once more, under the same ids, since the last of it may not have been heard; but not what was told before it parked.
 * - L2. It is complete for its observer only once its end is in its journal and was told (or the bus given up): a process that dies
 *   between the two must be woken once more to tell it. What is published last is what stands there.
 * - L3. A task that only waits, for an event or for longer than `parkAfter`, parks: what it came to is published, then a
 *   closing note is written, and it leaves memory.
 * - L4. What cannot go on is set aside, in its journal: `blocked`. Its chart is not the one that began it.
 */
export class LiveTask implements TaskActor {
  readonly #options: LiveTaskOptions;
  readonly #actor: DurableActor;
  readonly #stopping = new AbortController();
  readonly #story: TaskStory;
  #observer: TaskObserver | undefined;
  /** It has said that it parks. */
  #parked: Waits | undefined;
  #isLookedAt = false;
  /** What its machine shows is no task's. */
  #broken: { readonly error: unknown } | undefined;

  constructor(options: LiveTaskOptions) {
    const { id, task, input, past, log, clock, alwaysReplay, inspect, report } = options;
    this.#options = options;
    this.#story = new TaskStory(
      { id, name: task.name, version: task.version },
      past.restarted?.resolved ?? [],
    );
    this.#actor = durable(task.machine, {
      id,
      input,
      entries: past.entries,
      sequence: past.sequence,
      anew: !past.isBegun,
      append: log.append(id),
      alwaysReplay,
      clock,
      onEntry: (folded) => this.#hear(folded),
      onProblem: (problem) => {
        // What an effect threw, or gave that cannot be kept, is in its step's failure.
        if (problem.kind !== 'thrown' && problem.kind !== 'refused')
          report({ type: 'task.problem', id, problem });
      },
      ...(inspect && { inspect }),
    });
  }

  subscribe(observer: TaskObserver): { unsubscribe(): void } {
    this.#observer = observer;
    const settle = async () => this.#settle(await this.#actor.settled);
    settle().catch((error: unknown) => this.#observer?.error(error));
    // The outcome says it; without an observer of its errors the actor would count them as unheard.
    const errors = this.#actor.subscribe({ error: () => {} });
    return {
      unsubscribe: () => {
        this.#observer = undefined;
        errors.unsubscribe();
      },
    };
  }

  start(): void {
    const { id, owners } = this.#options;
    const answering = owners.answer(id, this);
    void this.#actor.settled.then(() => answering[Symbol.dispose]());
    this.#actor.start();
    this.#considerParking();
  }

  async send(event: unknown, eventId?: string): Promise<boolean> {
    const { id, task, past, report } = this.#options;
    let parsed: TaskEvent;
    try {
      parsed = parseEvent(task.name, event);
    } catch (error) {
      // Sent again it would be none again.
      report({ type: 'event.refused', id, error });
      return true;
    }
    if (eventId !== undefined && past.eventIds.has(eventId)) return true;
    if (parsed.type === RESTART) {
      // It begins anew with whoever takes the event next; that wakes it. How it ended meanwhile is told as always.
      const { status } = await this.#actor.rest();
      if (status === 'stopped' && !this.#parked && !this.#broken) this.#observer?.parked();
      return false;
    }
    try {
      await this.#actor.deliver(parsed, eventId === undefined ? {} : { id: eventId });
      return true;
    } catch (error) {
      if (error instanceof EntryRefusedError || error instanceof NotJsonError) {
        report({ type: 'event.refused', id, error });
        return true;
      }
      // It has left meanwhile; why, is told to its observer.
      if (this.#actor.status !== 'live') return false;
      throw error;
    }
  }

  stop(): void {
    this.#stopping.abort();
    this.#actor.stop();
  }

  async release(): Promise<void> {
    const { id, past, log, clock } = this.#options;
    if (this.#actor.status !== 'new') await this.#actor.rest();
    // That it was taken up is written down already.
    else if (past.mayLive) await log.rest(id, past, now(clock));
    this.stop();
  }

  /** How it stands. */
  getSnapshot(): TaskView {
    return this.#story.view;
  }

  /** An entry was taken. What its end is, is told once that is recorded. */
  #hear(folded: Folded): void {
    const { number, entry, live } = folded;
    try {
      const told = this.#story.hear(folded);
      this.#actor.hold(this.#story.isPaused);
      if (told && (live || number >= this.#options.past.parkedAt)) void this.#publish(told);
    } catch (error) {
      // What its machine shows is no task's.
      this.#broken = { error };
      this.#actor.stop();
    }
    if (!live) return;
    if (entry.type === 'rested') {
      this.#parked = entry.waits;
      return;
    }
    this.#observer?.cleared();
    this.#considerParking();
  }

  /** Once what is happening has happened. */
  #considerParking(): void {
    if (this.#isLookedAt) return;
    this.#isLookedAt = true;
    setImmediate(() => {
      this.#isLookedAt = false;
      void this.#parkIfIdle();
    });
  }

  async #parkIfIdle(): Promise<void> {
    const { id, feed, clock, parkAfter } = this.#options;
    const waits = this.#actor.waiting();
    const after = now(clock) + parkAfter;
    if (waits) this.#observer?.cleared();
    if (!waits || (waits.until !== undefined && waits.until <= after)) return;
    await feed.idle(id);
    await this.#actor.park(after);
  }

  async #settle(outcome: Outcome): Promise<void> {
    const { id, feed } = this.#options;
    switch (outcome.status) {
      case 'ended':
        this.#left(await this.#end(this.#howItEnded()));
        break;
      case 'stopped':
        if (this.#broken) {
          this.#left(await this.#end(this.#crash(this.#broken.error)));
        } else if (this.#parked) {
          // Perhaps nothing wakes it for long: nobody else would tell it.
          await feed.idle(id);
          this.#observer?.parked(this.#parked.until);
        }
        break;
      case 'lost':
        throw new OwnershipLostError(id, { cause: outcome.error });
      case 'blocked':
        this.#observer?.parked(await this.#block(outcome.error));
        break;
      case 'failed':
        throw outcome.error;
      default:
        outcome satisfies never;
    }
  }

  #howItEnded(): TaskReport {
    const snapshot = this.#actor.getSnapshot() as TaskSnapshot;
    try {
      return snapshot.status === 'done' ? reportOf(snapshot) : this.#crash(snapshot.error);
    } catch (error) {
      return this.#crash(error);
    }
  }

  #crash(error: unknown): TaskReport {
    const { id, report } = this.#options;
    report({ type: 'task.crashed', id, error });
    return crashed(this.#story.report, error);
  }

  async #publish({ entry, time, status, changes }: Told): Promise<void> {
    if (changes.length === 0) return;
    const { id, task, feed } = this.#options;
    const { name, version } = task;
    await feed.publish(
      id,
      changeMessage({ id, entry, n: 0, time }, { name, version, status, changes: [...changes] }),
    );
  }

  /** Sets it aside. @returns When it is to be looked at again, in ms since the epoch. */
  async #block(error: Error): Promise<number> {
    const { id, task, past, clock, report } = this.#options;
    const at = now(clock);
    const entry = {
      type: 'task.blocked' as const,
      at,
      error: { code: 'blocked', message: error.message },
      chart: chartHash(task.machine),
    };
    await this.#record(entry, false);
    report({ type: 'task.blocked', id, error });
    const steps = this.#story.report?.steps ?? {};
    const told = this.#story.advance({ status: 'blocked', steps, error: entry.error }, at);
    await this.#publish({ ...told, entry: past.entries.length + 1 });
    return at + BLOCKED_WAIT;
  }

  /** It has ended. @param until When its journal is still to be closed; without it, it is. */
  #left(until: number | undefined): void {
    if (until === undefined) this.#observer?.complete();
    else this.#observer?.parked(until);
  }

  /**
   * Records how it ended, then tells of it.
   *
   * @returns When its journal is to be closed, in ms since the epoch: once no message that was handed back can come any more. Were the
   *   journal gone by then, the task would be a new one. Nothing if it is closed.
   */
  async #end(how: TaskReport): Promise<number | undefined> {
    const { clock, past } = this.#options;
    const at = now(clock);
    const closing = past.wakesUntil <= at;
    const story = this.#story;
    const { report, view } = story;
    let told = story.advance(how, at);
    try {
      await this.#record({ type: 'task.ended', view: story.view, at }, closing);
    } catch (error) {
      if (!(error instanceof RefusedError || error instanceof NotJsonError)) throw error;
      // What cannot be written down as it is, a huge output say, still must not leave the task without an end.
      story.report = report;
      story.view = view;
      told = story.advance(unrecordable(how, error), at);
      await this.#record({ type: 'task.ended', view: story.view, at }, closing);
    }
    await this.#publish({ ...told, entry: Math.max(told.entry, past.entries.length) + 1 });
    return closing ? undefined : past.wakesUntil;
  }

  /** Repeats the same commit as long as it is unknown whether it was stored. */
  async #record(entry: TaskEntry, closing: boolean): Promise<void> {
    const { id, log, clock } = this.#options;
    const { signal } = this.#stopping;
    const write = log.writing(id, this.#actor.sequence, entry, { closing });
    for (;;) {
      try {
        return await write();
      } catch (error) {
        if (error instanceof JournalConflictError) throw new OwnershipLostError(id, { cause: error });
        if (!(error instanceof UnavailableError)) throw error;
      }
      await pause(clock, END_RETRY, signal);
      signal.throwIfAborted();
    }
  }
}

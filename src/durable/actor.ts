import type {
  ActorRefFrom,
  AnyStateMachine,
  EmittedFrom,
  EventFromLogic,
  InputFrom,
  InspectionEvent,
  Observer,
  OutputFrom,
  SnapshotFrom,
  Subscription,
} from 'xstate';
import type { Clock } from '../../machines/clock.ts';
import type { Json } from '../../machines/json.ts';
import type { EffectIdentity } from './effect-key.ts';
import type { Entry, Waits } from './entry.ts';
import type { MismatchError } from './errors/mismatch-error.ts';
import type { OwnershipLostError } from './errors/ownership-lost-error.ts';
import type { Problem } from './problem.ts';
import type { Append } from './writer.ts';

/** What a durable actor is made of. */
export interface DurableOptions<Logic extends AnyStateMachine = AnyStateMachine> {
  /** Names the actor, and begins the keys of its effects. */
  readonly id: string;
  /** JSON. Of an actor that has entries already, what it was begun with counts. */
  readonly input?: InputFrom<Logic>;
  /** The actor's journal, from its first entry. @default none: a new actor */
  readonly entries?: readonly Json[];
  /** The sequence of the journal's last commit. @default 0 */
  readonly sequence?: number;
  readonly append: Append;
  /** Begin another fold behind the entries that are there, with `input`. @default false */
  readonly anew?: boolean;
  /** Kept in the first entry of the fold, and not looked at. */
  readonly meta?: Json;
  /** @default this machine's */
  readonly clock?: Clock;
  /** Sees all that an inspector of a plain actor sees; of a restored one, its past too. */
  readonly inspect?: ((event: InspectionEvent) => void) | Observer<InspectionEvent>;
  /** What `log` actions write to. @default console.log */
  readonly logger?: (...args: unknown[]) => void;
  /** Begins the name that its commits are written under; each life adds its own. @default none */
  readonly writer?: string;
  /** Keeps and compares a hash of the context too: finds what is not pure. For tests: it costs. @default as `alwaysReplay` */
  readonly hashContext?: boolean;
  /**
   * After every commit, replays the journal beside the actor and compares both, contexts too: one that stands otherwise is
   * `blocked`. For tests: it finds what is not pure where it happens, and its cost grows with the journal. @default false
   */
  readonly alwaysReplay?: boolean;
  /** Makes the keys of effects. @default `<id>/<address>`, see {@link effectKey} */
  readonly keyOf?: (identity: EffectIdentity) => string;
  /** Told of every entry once the machine has taken it; `live` is false for those of its past. */
  readonly onEntry?: (folded: Folded<Logic>) => void;
  /** @default a warning of the process */
  readonly onProblem?: (problem: Problem) => void;
}

/** An entry, and what it made of the machine. */
export interface Folded<Logic extends AnyStateMachine = AnyStateMachine> {
  /** Counted from 1, through all folds. */
  readonly number: number;
  readonly entry: Entry;
  readonly snapshot: SnapshotFrom<Logic>;
  readonly live: boolean;
}

/**
 * - `new`, `starting`: not yet live. `live`: takes events, runs effects.
 * - `ended`: the machine is done or in error. `stopped`: by `stop` or `rest`.
 * - `lost`: another process owns the journal. `blocked`: the machine is not the one that wrote it. `failed`: the journal
 *   refused it (`AppendFailedError`), or XState is not the one that this was built for (`HookMissingError`).
 */
export type Status = 'new' | 'starting' | 'live' | Outcome['status'];

/** How a life of a durable actor came to its end. */
export type Outcome =
  | { readonly status: 'ended' | 'stopped' }
  | { readonly status: 'lost'; readonly error: OwnershipLostError }
  | { readonly status: 'blocked'; readonly error: MismatchError }
  | { readonly status: 'failed'; readonly error: Error };

/**
 * A machine that survives its process. It works like the actor that XState's `createActor` returns, with these
 * differences: what is sent is taken once it is durable, so `send` then `getSnapshot` shows the old state; it starts once
 * its first entry is durable; `complete` is told only when the machine is done, not when it was stopped; and an error that
 * nobody listens for is a {@link Problem}, not an uncaught exception.
 */
export interface DurableActor<Logic extends AnyStateMachine = AnyStateMachine> {
  readonly id: string;
  readonly status: Status;
  /** Of the journal's last commit, as far as this actor wrote or was given it. */
  readonly sequence: number;
  /** Resolves when this life is over: after an end, once that is durable. Never rejects. */
  readonly settled: Promise<Outcome>;
  /** The root of the actor tree. What is sent to it, or to any actor below, is taken once it is durable. */
  readonly ref: ActorRefFrom<Logic>;
  /** Begins, or replays what there is and goes on. */
  start(): this;
  /**
   * Sends an event. Before `start` it waits; of an actor that takes none any more, it is dropped.
   * @throws {NotJsonError} The event does not survive JSON.
   */
  send(event: EventFromLogic<Logic>): void;
  /**
   * Sends an event and resolves once it is durable, with the number of its entry.
   * @param options.id An event with an id that the journal has already is not taken again.
   * @throws {NotJsonError} @throws {NotRunningError} It takes none any more; if it stopped while the event was being
   *   stored, whether it was is unknown: deliver it again, with its id. @throws {OwnershipLostError} Likewise.
   */
  deliver(event: EventFromLogic<Logic>, options?: { readonly id?: string }): Promise<Delivered>;
  /**
   * From now on effects that would start wait until they are let go; those that run go on, and so do timers. It is of this
   * life alone: whoever restores the actor says it again, before or while its past is told.
   */
  hold(held: boolean): void;
  /** Ends this life at once: effects are aborted, nothing more is written. It can be restored. */
  stop(): void;
  /** Ends this life with a closing note, once what came before is durable. */
  rest(): Promise<Outcome>;
  /**
   * Ends this life with a closing note if nothing but events can move it, and timers that are due after a time.
   *
   * @param after In ms since the epoch.
   * @returns What it waits for, once that note is durable; undefined if it goes on, or its life is over.
   */
  park(after: number): Promise<Waits | undefined>;
  /** What it waits for, if nothing but timers and events can move it; undefined while an effect runs or something is being written. */
  waiting(): Waits | undefined;
  /** `error` is told too when the actor is lost, blocked or failed. */
  subscribe(
    next?: ((snapshot: SnapshotFrom<Logic>) => void) | Observer<SnapshotFrom<Logic>>,
    error?: (error: unknown) => void,
    complete?: () => void,
  ): Subscription;
  /** Listens for what the machine emits. */
  on(type: EmittedFrom<Logic>['type'] | '*', handler: (emitted: EmittedFrom<Logic>) => void): Subscription;
  getSnapshot(): SnapshotFrom<Logic>;
  /**
   * Resolves with what the machine gives, once it is done; rejects with what `error` is told, and when it is stopped.
   */
  output(): Promise<OutputFrom<Logic>>;
}

export interface Delivered {
  readonly entry: number;
  /** It was there already. */
  readonly duplicate: boolean;
}

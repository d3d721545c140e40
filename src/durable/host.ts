import type {
  ActorRefFrom,
  AnyEventObject,
  AnyStateMachine,
  EmittedFrom,
  EventFromLogic,
  Observer,
  OutputFrom,
  SnapshotFrom,
  Subscription,
} from 'xstate';
import { type Clock, now, systemClock } from '../../machines/clock.ts';
import type { Json } from '../../machines/json.ts';
import type { Delivered, DurableActor, DurableOptions, Outcome, Status } from './actor.ts';
import { AlwaysReplay } from './always-replay.ts';
import { Body } from './body.ts';
import { enter, enterEvent } from './border.ts';
import { beginEntry } from './chart.ts';
import { defaultKey } from './effect-key.ts';
import { type Arrival, type Entry, type Note, readEntry, type Waits } from './entry.ts';
import { AppendFailedError } from './errors/append-failed-error.ts';
import { MismatchError } from './errors/mismatch-error.ts';
import { NotRunningError } from './errors/not-running-error.ts';
import { OwnershipLostError } from './errors/ownership-lost-error.ts';
import { areHooksProven, assertHooks } from './hooks-self-test.ts';
import { Intake, type IntakeHost, type Waiting } from './intake.ts';
import { noteOf } from './note.ts';
import { Audience, guardedInspector, observerOf, outputOf } from './observers.ts';
import type { Problem } from './problem.ts';
import { type Past, pastOf } from './replay.ts';
import { RULES, type Rules } from './rules.ts';
import type { TreeHost } from './tree.ts';
import { type Conflict, Writer } from './writer.ts';

/** What a fold begins with, if there is no past to go on with. */
interface Fresh {
  readonly input: unknown;
  readonly meta: DurableOptions['meta'];
}

/**
 * Runs one machine over one journal.
 *
 * - What came is written and then delivered, in one order; so the tree does live what it does on replay.
 * - A life: new → starting → live → one of the outcomes. Once it has an outcome nothing is delivered, written or started.
 *
 * It owns the life: when to replay, when to go live, when it is over. The intake owns what is not yet durable, the writer
 * the journal, the tree what happens inside the machine.
 */
export class Host<Logic extends AnyStateMachine> implements DurableActor<Logic>, TreeHost, IntakeHost {
  readonly id: string;
  readonly rules: Rules;
  readonly #machine: Logic;
  readonly #clock: Clock;
  readonly #writer: Writer;
  readonly #intake: Intake;
  readonly #body: Body;
  readonly #audience: Audience<Logic>;
  readonly #settled = Promise.withResolvers<Outcome>();
  readonly #hashContext: boolean;
  readonly #always: AlwaysReplay | undefined;
  readonly #keyOf: NonNullable<DurableOptions['keyOf']>;
  readonly #fold: number;
  /** Until the start alone: a past may be large. */
  #beginning: Past | Fresh | undefined;
  #status: Status = 'new';
  #outcome: Outcome | undefined;
  /** Of the last entry that was taken. */
  #number: number;
  /** The journal ends with a closing note. */
  #atRest: boolean;

  constructor(machine: Logic, options: DurableOptions<Logic>, rules: Rules = RULES) {
    const { entries = [], alwaysReplay = false, inspect, logger, clock = systemClock } = options;
    const { past, folds } = pastOf(entries);
    const restored = options.anew ? undefined : past;
    const input = restored ? restored.began.input : enter(options.input, 'input');
    this.id = options.id;
    this.rules = rules;
    this.#machine = machine;
    this.#clock = clock;
    this.#hashContext = options.hashContext ?? alwaysReplay;
    this.#always = alwaysReplay ? new AlwaysReplay(entries) : undefined;
    this.#keyOf = options.keyOf ?? defaultKey;
    this.#fold = restored ? folds : folds + 1;
    this.#number = restored ? restored.index : entries.length;
    this.#atRest = isClosingNote(entries.at(-1));
    this.#beginning = restored ?? { input, meta: enter(options.meta, 'meta') };
    this.#audience = new Audience(options);
    this.#writer = new Writer({
      name: options.writer,
      append: this.#always?.recording(options.append) ?? options.append,
      sequence: options.sequence ?? 0,
      clock,
      onUnanswered: (error) => this.report('append', error),
    });
    this.#intake = new Intake(this, this.#writer);
    this.#body = new Body(machine, this, {
      id: options.id,
      input,
      clock,
      replaying: restored !== undefined,
      inspect: inspect && guardedInspector(inspect, (error) => this.report('observer', error)),
      logger,
    });
    this.#body.root.subscribe({
      next: (snapshot) => this.#isHeard && this.#audience.next(snapshot as SnapshotFrom<Logic>),
      complete: () => this.#isHeard && this.#audience.complete(),
      error: (error) => this.#isHeard && this.#audience.error(error),
    });
  }

  get status(): Status {
    return this.#status;
  }

  get sequence(): number {
    return this.#writer.sequence;
  }

  get settled(): Promise<Outcome> {
    return this.#settled.promise;
  }

  get ref(): ActorRefFrom<Logic> {
    return this.#body.root as unknown as ActorRefFrom<Logic>;
  }

  getSnapshot(): SnapshotFrom<Logic> {
    return this.#body.root.getSnapshot() as SnapshotFrom<Logic>;
  }

  // ─── Beginning ───────────────────────────────────────────────────────────────────────────────────────────

  start(): this {
    if (this.#status !== 'new') return this;
    this.#status = 'starting';
    if (areHooksProven()) this.#begin();
    else {
      assertHooks().then(
        () => this.#begin(),
        (error) => this.#end({ status: 'failed', error }),
      );
    }
    return this;
  }

  #begin(): void {
    const beginning = this.#beginning;
    if (this.#status !== 'starting' || !beginning) return;
    this.#beginning = undefined;
    if ('began' in beginning) this.#restore(beginning);
    else {
      this.#intake.begin({ entry: beginEntry(this.#machine, { ...beginning, at: now(this.#clock) }) });
    }
  }

  /**
   * Replays its past, and goes no further.
   *
   * @returns How its charts stand.
   * @throws {MismatchError} Until there its entries were told of.
   */
  retrace(): Note {
    const beginning = this.#beginning;
    this.#beginning = undefined;
    try {
      if (beginning && 'began' in beginning) this.#replay(beginning);
      return this.#body.standing(this.#hashContext);
    } finally {
      this.stop();
    }
  }

  /** @throws {MismatchError} */
  #assertReplays(always: AlwaysReplay): void {
    const { id } = this;
    const append = () => Promise.reject(this.refusal());
    const options = {
      id,
      append,
      entries: always.entries,
      hashContext: true,
      keyOf: this.#keyOf,
      onProblem: () => {},
    };
    const replayed = new Host<AnyStateMachine>(this.#machine, options).retrace();
    this.#body.assertStandsAs(replayed, always.entries.length);
  }

  #replay(past: Past): void {
    this.#body.replay(past, (entry, number) => this.#folded(entry, number, false));
  }

  /** What a replay comes to that comes to nothing. */
  #endBy(error: unknown): void {
    if (error instanceof MismatchError) this.#end({ status: 'blocked', error });
    else this.#end({ status: 'failed', error: error instanceof Error ? error : new Error(String(error)) });
  }

  #restore(past: Past): void {
    try {
      this.#replay(past);
    } catch (error) {
      this.#endBy(error);
      return;
    }
    // Whoever was told of its past may have stopped it.
    if (this.#outcome) return;
    this.#number = past.entries.length;
    this.#status = 'live';
    this.#body.tree.replaying = false;
    if (this.#body.isActive) {
      this.#audience.next(this.getSnapshot());
      this.#body.tree.goLive();
      this.#intake.begin();
      return;
    }
    // It ended in an earlier life; whoever listens now is told as if it were now.
    const { status, error } = this.#body.root.getSnapshot();
    if (status === 'error') this.#audience.error(error);
    else this.#audience.complete();
    const { type } = past.entries.at(-1) as unknown as Entry;
    if (type === 'ended') this.#end({ status: 'ended' });
    else void this.taken();
  }

  // ─── What comes ──────────────────────────────────────────────────────────────────────────────────────────

  get isOpen(): boolean {
    return this.#status === 'new' || this.#status === 'starting' || this.#status === 'live';
  }

  send(event: EventFromLogic<Logic>): void {
    const entry = this.#eventEntry(event, undefined);
    if (this.isOpen) this.#intake.add(entry);
  }

  async deliver(event: EventFromLogic<Logic>, { id }: { readonly id?: string } = {}): Promise<Delivered> {
    const known = this.#intake.delivered(id);
    if (known) return known;
    const entry = this.#eventEntry(event, id);
    if (!this.isOpen) throw this.refusal();
    return this.#intake.deliver(entry, id);
  }

  #eventEntry(event: AnyEventObject, id: string | undefined): Arrival {
    const json = enterEvent(event);
    return { type: 'event', at: now(this.#clock), to: '', event: json, ...(id !== undefined && { id }) };
  }

  arrive(arrival: Arrival): void {
    if (this.isOpen) this.#intake.add(arrival);
  }

  take({ entry, sender }: Waiting): void {
    if (entry.type === 'rested') {
      this.#folded(entry, this.#number + 1, true);
      this.stop();
      return;
    }
    if (entry.type === 'began') {
      this.#status = 'live';
      this.#body.begin(entry.at);
    } else if (this.#body.isActive) this.#body.tree.deliver(entry);
    this.#folded(entry, this.#number + 1, true);
    sender?.resolve({ entry: this.#number, duplicate: false });
  }

  #folded(entry: Entry, number: number, live: boolean): void {
    this.#number = number;
    if (live) this.#atRest = false;
    if (entry.type === 'event' && entry.id !== undefined) this.#intake.remember(entry.id, number);
    this.#audience.folded({ number, entry, snapshot: this.getSnapshot(), live });
  }

  note() {
    return noteOf(this.#body.tree.touched, this.#hashContext);
  }

  noted(): void {
    this.#body.tree.touched.clear();
  }

  // ─── Who listens ─────────────────────────────────────────────────────────────────────────────────────────

  get #isHeard(): boolean {
    return !this.#body.tree.replaying && !this.#body.tree.closed;
  }

  subscribe(
    next?: ((snapshot: SnapshotFrom<Logic>) => void) | Observer<SnapshotFrom<Logic>>,
    error?: (error: unknown) => void,
    complete?: () => void,
  ): Subscription {
    return this.#audience.add(observerOf(next, error, complete));
  }

  on(type: EmittedFrom<Logic>['type'] | '*', handler: (emitted: EmittedFrom<Logic>) => void): Subscription {
    return this.#body.root.on(type, handler as (emitted: AnyEventObject) => void);
  }

  output(): Promise<OutputFrom<Logic>> {
    return outputOf(this);
  }

  waiting(): Waits | undefined {
    return this.#intake.isIdle ? this.#waits() : undefined;
  }

  #waits(): Waits | undefined {
    return this.#status === 'live' ? this.#body.waits() : undefined;
  }

  keyOf(address: string, input: unknown): string {
    return this.#keyOf({ id: this.id, address, input, fold: this.#fold });
  }

  report(kind: Problem['kind'], error: unknown, address?: string): void {
    this.#audience.report(kind, error, address);
  }

  // ─── Ending ──────────────────────────────────────────────────────────────────────────────────────────────

  /** A machine that is done or in error has come to its last entry. */
  async taken(): Promise<void> {
    if (this.#always && this.#status === 'live') {
      try {
        this.#assertReplays(this.#always);
      } catch (error) {
        this.#endBy(error);
      }
    }
    if (this.#status !== 'live' || this.#body.isActive) return;
    const { status } = this.#body.root.getSnapshot();
    if (status === 'active') return;
    const ended: Entry = { type: 'ended', at: now(this.#clock), note: this.note(), status };
    this.#status = 'ended';
    this.#body.tree.close();
    this.#intake.drop();
    try {
      const written = await this.#writer.write([ended], true);
      if (written.status === 'lost') this.lose(written.to);
      else {
        if (written.status === 'stored') this.#folded(ended, this.#number + 1, true);
        this.#end({ status: 'ended' });
      }
    } catch (error) {
      this.fail(error);
    }
  }

  hold(held: boolean): void {
    this.#body.tree.hold(held);
  }

  stop(): void {
    this.#end({ status: 'stopped' });
  }

  rest(): Promise<Outcome> {
    if (this.#status === 'new' || (this.#atRest && this.#intake.isIdle)) this.stop();
    else this.#intake.rest(() => ({ type: 'rested', at: now(this.#clock) }));
    return this.settled;
  }

  async park(after: number): Promise<Waits | undefined> {
    if (!this.isOpen) return undefined;
    const { promise, resolve } = Promise.withResolvers<Waits | undefined>();
    this.#intake.rest(() => {
      const waits = this.#waits();
      const parks = waits && (waits.until === undefined || waits.until > after);
      resolve(
        parks ? this.settled.then(({ status }) => (status === 'stopped' ? waits : undefined)) : undefined,
      );
      return parks ? { type: 'rested', at: now(this.#clock), waits } : undefined;
    });
    void this.settled.then(() => resolve(undefined));
    return promise;
  }

  lose({ writer }: Conflict): void {
    this.#end({ status: 'lost', error: new OwnershipLostError(this.id, writer) });
  }

  fail(error: unknown): void {
    this.#end({ status: 'failed', error: new AppendFailedError(this.id, error) });
  }

  refusal(): Error {
    return this.#outcome && 'error' in this.#outcome
      ? this.#outcome.error
      : new NotRunningError(this.id, this.#status);
  }

  #end(outcome: Outcome): void {
    if (this.#outcome) return;
    this.#outcome = outcome;
    this.#status = outcome.status;
    this.#beginning = undefined;
    this.#body.tree.close();
    this.#writer.close();
    this.#intake.drop();
    if ('error' in outcome) this.#audience.error(outcome.error);
    else this.#audience.leave();
    this.#settled.resolve(outcome);
  }
}

function isClosingNote(json: Json | undefined): boolean {
  const entry = readEntry(json);
  return typeof entry === 'object' && entry.type === 'rested';
}

import type { AnyEventObject } from 'xstate';
import { type Clock, now } from '../../machines/clock.ts';
import { liveActionsOnly } from './actions.ts';
import { addressOf, placeOf, ROOT } from './address.ts';
import type { Arrival, ResultArrival } from './entry.ts';
import { failing, gated, open } from './gates.ts';
import type { Hooks } from './hooks.ts';
import { enroll, Member, memberOf, type Surroundings } from './member.ts';
import type { Rules } from './rules.ts';
import { Threshold, type ThresholdHost } from './threshold.ts';
import { type Timer, Timers } from './timers.ts';
import {
  EVENT_OF_RESULT,
  followsFromState,
  type InternalActor,
  type InternalSystem,
  isMachine,
  type Relay,
  STOPPED,
} from './xstate-internals.ts';

/** What the tree needs of its host. */
export interface TreeHost extends ThresholdHost {
  readonly rules: Rules;
  /** The key of the effect at an address. */
  keyOf(address: string, input: unknown): string;
}

/** What became of an arrival: `gone` if its actor or timer is no more. */
export type Outcome = 'delivered' | 'gone';

/**
 * The actor tree of one durable actor: the real one, of XState's own actors, with hooks in it.
 *
 * Invariants:
 * - R1. What a chart sends within the tree passes at once. All else that is sent in the tree arrives at the host, and
 *   passes when the host delivers it. While the past is replayed nothing arrives: what did is in the journal.
 * - R2. After a delivery the tree is at rest: XState works off all that follows before it returns.
 * - R3. Every actor has one address, the same on every replay. An arrival that is from or for an actor that has stopped
 *   meanwhile is dropped, live and on replay.
 * - R4. The charts live by the time of the entry that is being delivered.
 *
 * The tree owns: who is in it, and what is external. The host owns: entries, when to replay, when to deliver.
 */
export class Tree implements Hooks, Surroundings {
  /** The time of the entry that is being delivered. */
  time = 0;
  replaying = false;
  closed = false;
  readonly timers: Timers;
  /** The charts to which something came since the last note. */
  readonly touched = new Set<Member>();
  /** Told of what is removed, while the past is replayed. */
  onGone: ((gone: Member | Timer) => void) | undefined;
  readonly #host: TreeHost;
  readonly #clock: Clock;
  readonly #threshold: Threshold;
  readonly #members = new Map<string, Member>();
  #waiting: Member[] = [];
  #held = false;
  #pass: Relay = () => {};
  #system: InternalSystem | undefined;

  constructor(host: TreeHost, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
    this.#threshold = new Threshold(host, clock);
    this.timers = new Timers(clock, (timer) => this.#fired(timer));
  }

  /** D7: whether actions run, emits are heard, and other systems are sent to. */
  get acts(): boolean {
    return !this.closed && !(this.replaying && this.#host.rules.actOnce);
  }

  get gatesAreShut(): boolean {
    return this.#held || (this.replaying && this.#host.rules.shutGates);
  }

  // ─── Who is in it ────────────────────────────────────────────────────────────────────────────────────────

  connect(system: InternalSystem, pass: Relay): void {
    this.#system = system;
    this.#pass = pass;
  }

  adopt(actor: InternalActor): void {
    const parent = actor._parent && memberOf(actor._parent);
    if (parent && parent.kind !== 'chart') {
      enroll(new Member(actor, 'inner', parent.address, parent, this));
      return;
    }
    let address = ROOT;
    if (parent) {
      let nth = 1;
      if (actor.options.id === undefined) {
        // XState counts these through the whole process, so they would be others on replay.
        parent.unnamedChildren += 1;
        actor.id = `x:${parent.unnamedChildren}`;
        actor._actorScope.id = actor.id;
      } else nth = parent.countChild(actor.id);
      address = addressOf(parent.address, actor.id, nth);
    }
    const { logic } = actor;
    const gate = logic.start && !isMachine(logic) ? gated(logic) : undefined;
    const kind = gate ? (gate.callback ? 'callback' : 'effect') : 'chart';
    const member = new Member(actor, kind, address, parent, this);
    enroll(member);
    this.#members.set(address, member);
    if (gate) actor.logic = gate.logic;
    else {
      this.touched.add(member);
      liveActionsOnly(actor._actorScope, this, (thrown) => this.#host.report('action', thrown, address));
    }
  }

  leave(actor: InternalActor): void {
    const member = memberOf(actor);
    if (!member || this.#members.get(member.address) !== member) return;
    this.#members.delete(member.address);
    this.onGone?.(member);
  }

  find(address: string): Member | undefined {
    const found = this.#members.get(address);
    if (found || this.#host.rules.refuseLate) return found;
    const place = placeOf(address);
    return [...this.#members.values()].find((member) => placeOf(member.address) === place);
  }

  get members(): Iterable<Member> {
    return this.#members.values();
  }

  // ─── What is sent ────────────────────────────────────────────────────────────────────────────────────────

  relay(source: InternalActor | undefined, target: InternalActor, event: AnyEventObject): void {
    const to = memberOf(target);
    if (!to || target.system !== this.#system) {
      // Another system's actor: to send to it is an action, run once.
      if (this.acts) target.system._relay(source, target, event);
      return;
    }
    const from = source && memberOf(source);
    const within = from?.tree === this;
    if (to.kind === 'inner' || (within && (from.kind === 'chart' || followsFromState(from.actor, event)))) {
      if (to.kind === 'chart') this.touched.add(to);
      this.#pass(source, target, event);
    } else if (target._processingStatus === STOPPED) this.#pass(source, target, event);
    else if (!this.replaying && !this.closed) {
      this.#threshold.enter(to, within ? outermost(from) : undefined, event);
    }
  }

  threw(member: Member, thrown: unknown): void {
    if (!this.replaying && !this.closed) this.#threshold.threw(member, thrown);
  }

  cleanupFailed(member: Member, thrown: unknown): void {
    this.#host.report('cleanup', thrown, member.address);
  }

  // ─── Timers ──────────────────────────────────────────────────────────────────────────────────────────────

  schedule(
    source: InternalActor,
    target: InternalActor,
    event: AnyEventObject,
    delay: number,
    id?: string,
  ): void {
    const owner = memberOf(source);
    if (!owner || this.closed) return;
    const time = owner.kind === 'inner' ? now(this.#clock) : this.time;
    this.timers.arm(owner, target, event, time, delay, id);
  }

  cancel(source: InternalActor, id: string): void {
    const owner = memberOf(source);
    const timer = owner && this.timers.cancel(owner, id);
    if (timer) this.onGone?.(timer);
  }

  cancelAll(actor: InternalActor): void {
    for (const timer of memberOf(actor)?.timers?.values() ?? []) {
      this.timers.remove(timer);
      this.onGone?.(timer);
    }
  }

  #fired(timer: Timer): void {
    const { owner, id, nth, target, event } = timer;
    const at = now(this.#clock);
    if (owner.kind === 'inner') {
      this.timers.remove(timer);
      this.relay(owner.actor, target, event);
    } else this.#host.arrive({ type: 'timer', at, of: owner.address, timer: id, ...(nth > 1 && { nth }) });
  }

  // ─── What the host does with it ──────────────────────────────────────────────────────────────────────────

  /** Hands an arrival to its actor, and lets everything happen that follows. */
  deliver(arrival: Arrival): Outcome {
    this.time = arrival.at;
    switch (arrival.type) {
      case 'event': {
        const to = this.find(arrival.to);
        const from = arrival.from === undefined ? undefined : this.find(arrival.from);
        const late = arrival.from !== undefined && !from && this.#host.rules.refuseLate;
        if (!to || late) return 'gone';
        return this.#hand(to, from, arrival.event as unknown as AnyEventObject);
      }
      case 'timer': {
        const owner = this.find(arrival.of);
        const timer = owner && this.timers.find(owner, arrival.timer, arrival.nth ?? 1);
        if (!timer) return 'gone';
        this.timers.remove(timer);
        this.relay(timer.owner.actor, timer.target, timer.event);
        return 'delivered';
      }
      case 'threw': {
        const of = this.find(arrival.of);
        return of ? this.#hand(of, of, failing(arrival.error)) : 'gone';
      }
      default: {
        const of = this.find(arrival.of);
        return of ? this.#hand(of, of, resultEvent(arrival)) : 'gone';
      }
    }
  }

  #hand(to: Member, from: Member | undefined, event: AnyEventObject): Outcome {
    if (to.kind === 'chart') this.touched.add(to);
    this.#pass(from?.actor, to.actor, event);
    return 'delivered';
  }

  keyOf(address: string, input: unknown): string {
    return this.#host.keyOf(address, input);
  }

  await(member: Member): void {
    this.#waiting.push(member);
  }

  /** The past is over: effects that are still active start, timers that are still armed tick. */
  goLive(): void {
    this.replaying = false;
    this.onGone = undefined;
    this.#openGates();
    if (!this.closed) this.timers.startTicking();
  }

  /** @param held Whether effects that would start wait until they are let go. */
  hold(held: boolean): void {
    this.#held = held;
    if (!this.replaying) this.#openGates();
  }

  #openGates(): void {
    if (this.#held) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const member of waiting) if (!this.closed && this.#isActive(member)) open(member);
  }

  /** Not so the children of a machine that threw: XState forgets to stop them. */
  #isActive(member: Member): boolean {
    if (member.actor.getSnapshot().status !== 'active') return false;
    for (let each: Member | undefined = member; each; each = each.parent) {
      if (this.#members.get(each.address) !== each) return false;
    }
    return true;
  }

  /** Nothing more happens in it: effects are stopped, timers cleared, and nothing arrives. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.timers.stopTicking();
    const root = this.#members.get(ROOT);
    root?.actor._stop();
    for (const member of [...this.#members.values()]) if (member.isEffect) member.actor._stop();
    this.#members.clear();
    this.touched.clear();
  }
}

/** The effect that an inner actor belongs to. */
function outermost(member: Member): Member {
  let effect = member;
  while (effect.kind === 'inner' && effect.parent) effect = effect.parent;
  return effect;
}

function resultEvent({ type, data }: ResultArrival): AnyEventObject {
  return { type: EVENT_OF_RESULT[type], data };
}

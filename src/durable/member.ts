import type { AnyEventObject } from 'xstate';
import type { Timer } from './timers.ts';
import type { InternalActor, InternalLogic } from './xstate-internals.ts';

/**
 * What an actor is to its host:
 *
 * - `chart`: a machine or a transition logic. A pure fold: what it does follows from what came to it.
 * - `effect`: a promise, an observable or any logic that has a `start`. What it says comes from outside.
 * - `callback`: an effect whose transition is an effect too: events that are sent to it are its work.
 * - `inner`: an actor that an effect made below itself. It is part of that effect, and nobody's business.
 */
export type MemberKind = 'chart' | 'effect' | 'callback' | 'inner';

/** What a member's gate asks of the tree that it stands in. */
export interface Surroundings {
  /** Whether an effect that is started now is to wait until the past has been replayed. */
  readonly gatesAreShut: boolean;
  /** Whether no effect is to start any more at all. */
  readonly closed: boolean;
  await(member: Member): void;
  keyOf(address: string, input: unknown): string;
  threw(member: Member, thrown: unknown): void;
  cleanupFailed(member: Member, thrown: unknown): void;
}

/** An actor of a durable tree, as its host knows it. */
export class Member {
  readonly actor: InternalActor;
  readonly kind: MemberKind;
  readonly address: string;
  readonly parent: Member | undefined;
  readonly tree: Surroundings;
  /** Its logic without its gate. */
  readonly logic: InternalLogic;
  /** Of an effect: whether it was really started. */
  started = false;
  /** Of a callback: what was sent to it before it was started. */
  held: AnyEventObject[] | undefined;
  /** Its timers that are armed, by `id` and count. */
  timers: Map<string, Timer> | undefined;
  /** How many timers of each id it had. */
  timerCounts: Map<string, number> | undefined;
  unnamedTimers = 0;
  unnamedChildren = 0;
  #childCounts: Map<string, number> | undefined;

  constructor(
    actor: InternalActor,
    kind: MemberKind,
    address: string,
    parent: Member | undefined,
    tree: Surroundings,
  ) {
    this.actor = actor;
    this.kind = kind;
    this.address = address;
    this.parent = parent;
    this.tree = tree;
    this.logic = actor.logic;
  }

  get isEffect(): boolean {
    return this.kind === 'effect' || this.kind === 'callback';
  }

  /** Counts a child in. @returns Which child of that id it is, from 1. */
  countChild(id: string): number {
    this.#childCounts ??= new Map();
    const nth = (this.#childCounts.get(id) ?? 0) + 1;
    this.#childCounts.set(id, nth);
    return nth;
  }
}

const members = new WeakMap<object, Member>();

export function memberOf(actor: object): Member | undefined {
  return members.get(actor);
}

export function enroll(member: Member): void {
  members.set(member.actor, member);
}

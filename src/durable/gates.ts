import type { AnyEventObject } from 'xstate';
import { type Member, memberOf } from './member.ts';
import {
  type InternalLogic,
  type InternalScope,
  type InternalSnapshot,
  isCallback,
  STOP,
  unsubscribe,
} from './xstate-internals.ts';

/**
 * A gate stands before each effect. It serves replay only: it holds the effect's start back while the past is replayed.
 *
 * Invariants:
 * - G1. An effect starts once a life, with its gate open. One that is stopped before never starts, and is not cleaned up.
 * - G2. What was sent to a callback before its gate opened is held, and given to it in order once it has.
 * - G3. What an effect throws at its start or at an event leaves no trace in the tree before it has become an entry; what
 *   it throws when it is stopped is reported.
 *
 * The gate owns: whether the effect has started. The tree owns: when gates are shut, and what becomes of throws.
 */
const gates = new WeakMap<InternalLogic, { readonly logic: InternalLogic; readonly callback: boolean }>();

/** The event by which an effect is made to fail. */
const FAIL = 'taskchart.fail';

export function failing(error: unknown): AnyEventObject {
  return { type: FAIL, error };
}

/** A logic with a gate before it; made once a logic. */
export function gated(logic: InternalLogic): { readonly logic: InternalLogic; readonly callback: boolean } {
  let gate = gates.get(logic);
  if (!gate) {
    gate = { logic: Object.assign(Object.create(logic), { start, transition }), callback: isCallback(logic) };
    gates.set(logic, gate);
  }
  return gate;
}

function start(_: InternalSnapshot, scope: InternalScope): void {
  const member = memberOf(scope.self);
  if (!member || member.tree.closed) return;
  if (member.tree.gatesAreShut) member.tree.await(member);
  else open(member);
}

/** Starts an effect, and hands it what was held for it. */
export function open(member: Member): void {
  const { actor, logic, held } = member;
  member.started = true;
  member.held = undefined;
  try {
    logic.start?.(actor.getSnapshot(), actor._actorScope);
    for (const event of held ?? []) logic.transition(actor.getSnapshot(), event, actor._actorScope);
  } catch (thrown) {
    member.tree.threw(member, thrown);
  }
}

function transition(
  snapshot: InternalSnapshot,
  event: AnyEventObject,
  scope: InternalScope,
): InternalSnapshot {
  const member = memberOf(scope.self);
  if (!member) return snapshot;
  if (event.type === FAIL) return fail(member, snapshot, event.error);
  if (!member.started) {
    if (event.type === STOP) return { ...snapshot, status: 'stopped' };
    if (member.kind === 'callback') {
      member.held ??= [];
      member.held.push(event);
      return snapshot;
    }
  }
  try {
    return member.logic.transition(snapshot, event, scope);
  } catch (thrown) {
    if (event.type === STOP) {
      member.tree.cleanupFailed(member, thrown);
      return { ...snapshot, status: 'stopped' };
    }
    member.tree.threw(member, thrown);
    return snapshot;
  }
}

function fail(member: Member, snapshot: InternalSnapshot, error: unknown): InternalSnapshot {
  if (snapshot.status !== 'active') return snapshot;
  if (member.started) {
    try {
      unsubscribe(snapshot);
    } catch (thrown) {
      member.tree.cleanupFailed(member, thrown);
    }
  }
  return { ...snapshot, status: 'error', error };
}

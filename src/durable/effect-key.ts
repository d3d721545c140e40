import type { AnyActorRef } from 'xstate';
import { addressOf } from './address.ts';
import { memberOf } from './member.ts';

/** What an effect's key may be made of. */
export interface EffectIdentity {
  /** The durable actor's id. */
  readonly id: string;
  /** The effect's place in the actor tree, and how many times it has been there: `pay`, `worker/pay#2`. */
  readonly address: string;
  readonly input: unknown;
  /** Which fold of the journal this is, from 1; another begins when an actor is begun anew. */
  readonly fold: number;
}

export function defaultKey({ id, address, fold }: EffectIdentity): string {
  // What was begun anew is other work, and must not be taken for the old one.
  return fold === 1 ? `${id}/${address}` : `${id}@${fold}/${address}`;
}

/**
 * D4. The key of an effect: the same on every attempt, in every process. Hand it to the other side, as an
 * Idempotency-Key for example, so that an effect that runs again has no second effect there.
 *
 * By default it is made of the actor's path, and how many times it has been there: `order-1/pay#2`. In an actor that is
 * not durable it is the same, without the count.
 *
 * @param self The effect's own actor, as `fromPromise`, `fromCallback` and `fromObservable` hand it over.
 *
 * @example
 * ```ts
 * const pay = fromPromise(({ input, self }) =>
 *   fetch(input.url, { method: 'POST', headers: { 'Idempotency-Key': effectKey(self) } }).then((answer) => answer.json()),
 * );
 * ```
 */
export function effectKey(self: AnyActorRef): string {
  const member = memberOf(self);
  if (!member) return plainKey(self);
  const { input } = (self as unknown as { options: { input?: unknown } }).options;
  return member.tree.keyOf(member.address, input);
}

function plainKey(actor: AnyActorRef): string {
  const above = actor._parent;
  return above ? `${plainKey(above)}/${addressOf('', actor.id, 1)}` : actor.id;
}

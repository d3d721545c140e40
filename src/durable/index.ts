/**
 * Makes any pure XState 5 machine durable, unmodified, with its child machines: kill the process at any instant, and it goes
 * on where it was.
 *
 * Terminology. An **entry** is one thing that came to a machine from outside the charts: an event sent in, what an effect came
 * to, a timer that fired. The **journal** is its entries in order. A **fold** is what the machine makes of them. An **effect**
 * is an actor that is no chart: a promise, a callback, an observable, any logic with a `start`. A **life** is one process's
 * run of the machine. An actor's **address** is the ids on the way to it, each with how many times it has been there.
 *
 * Invariants:
 *
 * - D1. *JSON at the border.* What enters (input, events, results, what is thrown) is JSON before the machine sees it, and a
 *   copy. What does not survive JSON is refused at once, by its path: to whoever sent it, or as the failure of its effect.
 * - D2. *Write ahead.* What comes is taken once it is durable, not before. What comes during an append travels in the next one,
 *   together.
 * - D3. *Fencing.* An append names the sequence that it expects, and carries its writer and an id. Without an answer the very
 *   same one is repeated. A conflict with one's own means that it was stored; with another's, that the journal is owned by
 *   another process: this life stops at once, takes nothing, starts nothing.
 * - D4. *Effects* run at least once, and one whose end is durable never again. Each has a key, the same in every life.
 * - D5. *Timers* are absolute: the time of the entry that armed them plus their delay, of any length. Restored, they fire at
 *   their deadlines, at once if those are past. Each firing is an entry.
 * - D6. *Mismatch.* What was noted of the state with each commit is found again on replay, and every entry finds its actor or
 *   timer; else the actor is blocked, with both states and the entry's number: nothing is started, nothing written. With the
 *   old code back it goes on.
 * - D7. *Actions and emits* run live only, after their entry is durable: at most once. One that throws is reported.
 *
 * Who owns what. The host (`host.ts`): a life, from replay to its outcome. The intake: what is not yet durable. The writer: the
 * journal's end. The body: the machine as it stands. The tree: XState's own actors with hooks in them; who is in it, and what is external. Gates: effects, while
 * the past is replayed and not after. Timers: deadlines. XState's inside is touched in `hooks.ts` and `actions.ts` alone, named
 * in `xstate-internals.ts`, and shown to be as expected by `hooks-self-test.ts` before the first actor starts.
 *
 * How it is restored: the real actor tree is built with all gates shut and no timer ticking, on the time of the entries; they
 * are delivered by address; then the gates open: effects that are still active start, timers that are still armed tick.
 *
 * What is otherwise than in a plain actor:
 *
 * - `send` then `getSnapshot` shows the old state. `self.send` in an action is an entry of its own, lost if the process dies
 *   before it is durable; `raise` and `sendTo` are safe.
 * - `onError` is given a plain object, not an `Error`. An action that throws does not end the machine.
 * - Guards, assigns, delays, inputs and outputs must be pure, and so must the transitions of logics with a `start`.
 * - A callback or observable that is restored starts from its beginning; what was sent to a callback is sent to it again.
 * - Actors without an id are called `x:1`, `x:2` … below their parent.
 */
export type * from './actor.ts';
export { beginEntry, chartHash } from './chart.ts';
export { durable } from './durable.ts';
export { type EffectIdentity, effectKey } from './effect-key.ts';
export type { Arrival, Entry, Note, Standing, Waits } from './entry.ts';
export { AppendFailedError } from './errors/append-failed-error.ts';
export { EntryRefusedError } from './errors/entry-refused-error.ts';
export { HookMissingError } from './errors/hook-missing-error.ts';
export { type Mismatch, MismatchError } from './errors/mismatch-error.ts';
export { NotRunningError } from './errors/not-running-error.ts';
export { OwnershipLostError } from './errors/ownership-lost-error.ts';
export { assertHooks } from './hooks-self-test.ts';
export type { Problem } from './problem.ts';
export { resultsIn } from './replay.ts';
export { retrace } from './retrace.ts';
export type { Append, Batch, Conflict } from './writer.ts';

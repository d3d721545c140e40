import { type AnyActorLogic, type AnyEventObject, fromCallback, type StateValue } from 'xstate';

/**
 * XState's inside, as far as the host stands in it. XState has no public way to see what enters an actor tree, and
 * without seeing it nothing can be written ahead. So the range of XState is pinned, everything that is not public is
 * named in this file and nowhere else, and `hooks-self-test.ts` proves at start that each of these is still called.
 */

/** A snapshot of any actor; `value` only of machines. */
export interface InternalSnapshot {
  readonly status: 'active' | 'done' | 'error' | 'stopped';
  readonly value?: StateValue;
  readonly context?: unknown;
  readonly output?: unknown;
  readonly error?: unknown;
}

/** What an action is executed with. */
export interface InternalAction {
  readonly type: string;
  readonly info: unknown;
  readonly params: unknown;
  readonly exec: ((info: unknown, params: unknown) => unknown) | undefined;
}

/** What XState hands to an actor's logic. */
export interface InternalScope {
  id: string;
  readonly self: InternalActor;
  readonly system: InternalSystem;
  emit(event: AnyEventObject): void;
  actionExecutor(action: InternalAction): void;
}

export interface InternalActor {
  id: string;
  logic: InternalLogic;
  readonly options: { readonly id?: string | undefined };
  readonly system: InternalSystem;
  readonly _parent: InternalActor | undefined;
  readonly _actorScope: InternalScope;
  readonly _processingStatus: number;
  _stop(): void;
  getSnapshot(): InternalSnapshot;
}

/** `_processingStatus` of an actor that takes nothing any more. */
export const STOPPED = 2;

export interface InternalLogic {
  start?(snapshot: InternalSnapshot, scope: InternalScope): void;
  transition(snapshot: InternalSnapshot, event: AnyEventObject, scope: InternalScope): InternalSnapshot;
  getInitialSnapshot(scope: InternalScope, input: unknown): InternalSnapshot;
}

export type Relay = (source: InternalActor | undefined, target: InternalActor, event: AnyEventObject) => void;

export interface InternalScheduler {
  schedule(
    source: InternalActor,
    target: InternalActor,
    event: AnyEventObject,
    delay: number,
    id: string | undefined,
  ): void;
  cancel(source: InternalActor, id: string): void;
  cancelAll(actor: InternalActor): void;
}

export interface InternalSystem {
  _relay: Relay;
  _sendInspectionEvent(event: { readonly type: string; readonly actorRef: InternalActor }): void;
  _unregister(actor: InternalActor): void;
  readonly scheduler: InternalScheduler;
}

/** Stops an actor and what is below it. */
export const STOP = 'xstate.stop';

/** What the promise and observable logics of XState tell themselves, and how the journal calls it. */
export const RESULT_OF_EVENT: Readonly<Record<string, ResultType>> = {
  'xstate.promise.resolve': 'resolved',
  'xstate.promise.reject': 'rejected',
  'xstate.observable.next': 'next',
  'xstate.observable.error': 'failed',
  'xstate.observable.complete': 'completed',
};

export type ResultType = 'resolved' | 'rejected' | 'next' | 'failed' | 'completed';

/** The event that makes an effect's logic take a result. */
export const EVENT_OF_RESULT: Readonly<Record<ResultType, string>> = {
  resolved: 'xstate.promise.resolve',
  rejected: 'xstate.promise.reject',
  next: 'xstate.observable.next',
  failed: 'xstate.observable.error',
  completed: 'xstate.observable.complete',
};

/** What an actor tells its parent by itself, of what it has become: it follows from what came to it before. */
export function followsFromState(source: InternalActor, event: AnyEventObject): boolean {
  const { type } = event;
  if (!type.startsWith('xstate.')) return false;
  const snapshot = source.getSnapshot();
  if (type === `xstate.done.actor.${source.id}`) return snapshot.status === 'done';
  if (type === `xstate.error.actor.${source.id}`) return snapshot.status === 'error';
  return type === `xstate.snapshot.${source.id}` && event.snapshot === snapshot;
}

/** A built-in action changes the tree and belongs to the fold; of them only `log` speaks to the outside. */
export function isBuiltIn({ type, exec }: InternalAction): boolean {
  return type.startsWith('xstate.') && type !== 'xstate.log' && exec?.name.startsWith('bound ') === true;
}

export function isMachine(logic: InternalLogic): boolean {
  return 'getStateNodeById' in logic;
}

const CALLBACK_TRANSITION = String(fromCallback(() => {}).transition);

/**
 * Made by `fromCallback`: its transition *is* its effect, where that of any other logic is a fold. Nothing else tells
 * them apart, but functions made by one factory have one source text.
 */
export function isCallback(logic: InternalLogic): boolean {
  return String(logic.transition) === CALLBACK_TRANSITION;
}

/** Ends the subscription of an observable that is failed from outside: XState itself would leave it running. */
export function unsubscribe(snapshot: InternalSnapshot): void {
  const { _subscription } = snapshot as { _subscription?: { unsubscribe(): void } };
  _subscription?.unsubscribe();
}

export function internalLogic(logic: AnyActorLogic): InternalLogic {
  return logic as unknown as InternalLogic;
}

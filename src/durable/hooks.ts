import type { AnyActorLogic, AnyEventObject } from 'xstate';
import {
  type InternalActor,
  type InternalScheduler,
  type InternalScope,
  type InternalSystem,
  internalLogic,
  type Relay,
} from './xstate-internals.ts';

/** What the host takes over from XState, for one actor system. */
export interface Hooks extends InternalScheduler {
  /** The hooks are in place, before any other call. @param pass How XState itself sends an event. */
  connect(system: InternalSystem, pass: Relay): void;
  /** An actor is being made: it has its logic and its scope, but no snapshot yet. */
  adopt(actor: InternalActor): void;
  /** An event is sent. */
  relay(source: InternalActor | undefined, target: InternalActor, event: AnyEventObject): void;
  /** An actor is about to stop, or has stopped. */
  leave(actor: InternalActor): void;
}

/**
 * The machine as a root actor's logic. Its first snapshot is the earliest moment at which its system can be reached,
 * and nothing else is in that system yet.
 */
export function hookedRoot<Logic extends AnyActorLogic>(machine: Logic, hooks: Hooks): Logic {
  const logic = internalLogic(machine);
  return Object.assign(Object.create(machine) as Logic, {
    getInitialSnapshot(scope: InternalScope, input: unknown) {
      scope.self.logic = logic;
      installHooks(scope.system, hooks);
      hooks.adopt(scope.self);
      return logic.getInitialSnapshot(scope, input);
    },
  });
}

function installHooks(system: InternalSystem, hooks: Hooks): void {
  hooks.connect(system, system._relay);
  const inspect = system._sendInspectionEvent;
  const unregister = system._unregister;
  system._relay = (source, target, event) => hooks.relay(source, target, event);
  system._unregister = (actor) => {
    hooks.leave(actor);
    unregister(actor);
  };
  system._sendInspectionEvent = (event) => {
    if (event.type === '@xstate.actor') hooks.adopt(event.actorRef);
    inspect(event);
  };
  const { scheduler } = system;
  scheduler.schedule = (source, target, event, delay, id) => hooks.schedule(source, target, event, delay, id);
  scheduler.cancel = (source, id) => hooks.cancel(source, id);
  scheduler.cancelAll = (actor) => hooks.cancelAll(actor);
}

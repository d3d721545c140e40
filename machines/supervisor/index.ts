export { OwnershipLostError } from './ownership-lost-error.ts';
export { type PoolEvent, type PoolOptions, type PoolReport, poolOf } from './pool.ts';
export { type PublishAsk, publisherOf } from './publisher.ts';
export {
  type IntakeFailure,
  type IntakeInput,
  publishThrough,
  type SupervisorEvent,
  type SupervisorInput,
  type SupervisorOutput,
  type SupervisorRef,
  supervisorMachine,
} from './supervisor.ts';
export type {
  CreateTask,
  Deferral,
  Offer,
  Refusal,
  Suspicion,
  TaskActor,
  TaskObserver,
} from './task-actor.ts';

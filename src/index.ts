/**
 * Taskchart: durable task actors, XState statecharts that survive crashes, driven by NATS.
 *
 * Terminology. The code, the wire, the shows and the docs use these words, and no others:
 *
 * - **task**: a piece of work of several steps, run by a statechart; it has an id, a name and a version.
 * - **request**: what a task was asked for with: name, context, who asks, why.
 * - **context**: what the request says that the task is about.
 * - **step**: a named part of a task with an output: an effect or a check.
 * - **effect**: the work of a step, the one place with side effects. **Check**: a step without one, a pure function.
 * - **attempt**: one run of an effect. **Failure**: why an attempt failed. **Backing off**: waiting for the next one.
 * - **result**: the output of a step that has succeeded.
 * - **key**: `<task id>/<step>`, the same on every attempt: what the other side dedups by.
 * - **stage**: steps that run side by side, cut so that waiting for a stage delays no step.
 * - **issue**: what is wrong in one place of some data.
 * - **entry**: one thing that came to a task from outside its charts. **Commit**: entries that became durable together.
 * - **journal**: a task's commits, in order: the truth about it.
 * - **inbox**: wakes tasks. **Delivery**: a message of it in a worker's hands, until acknowledged or handed back.
 * - **change**: a task or step has another status. **Change event**: a message that says so.
 * - **record**: a value that is created once and never changes. **Blob**: a large value, kept by its hash.
 * - **supervisor**: spawns tasks, publishes their events, drains. **Pool**: the tasks that live in it.
 * - **drain**: take no new work, let what runs come to its end.
 */

export { type Effect, type EffectArguments, PermanentError, RetryableError } from '../machines/step/index.ts';
export * from '../machines/task/index.ts';
export * from './backends/errors/index.ts';
export { memoryBackend } from './backends/memory/index.ts';
export { natsBackend, natsOptionsOf } from './backends/nats/index.ts';
export { sqliteBackend } from './backends/sqlite/index.ts';
export { durable, effectKey } from './durable/index.ts';
export * from './service/index.ts';

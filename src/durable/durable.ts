import type { AnyStateMachine } from 'xstate';
import type { DurableActor, DurableOptions } from './actor.ts';
import { Host } from './host.ts';

/**
 * Makes a machine durable, unmodified: an actor that goes on where it was when its process dies. Any XState 5 machine will
 * do whose guards, assigns, delays, inputs and outputs are pure.
 *
 * @param options.append Stores a batch of entries; with `options.entries`, what it stored before, it is all the
 *   storage there is.
 * @throws {NotJsonError} The input does not survive JSON.
 *
 * @example
 * ```ts
 * const journal = memoryBackend().journal;
 * const actor = durable(machine, {
 *   id: 'order-1',
 *   input: { cart_id: 1 },
 *   append: (expected, batch) => journal.append('order-1', expected, batch),
 * }).start();
 * const output = await actor.output();
 * ```
 */
export function durable<Logic extends AnyStateMachine>(
  machine: Logic,
  options: DurableOptions<Logic>,
): DurableActor<Logic> {
  return new Host(machine, options);
}

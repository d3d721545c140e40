import type { AnyStateMachine } from 'xstate';
import type { DurableOptions } from './actor.ts';
import { NotRunningError } from './errors/not-running-error.ts';
import { assertHooks } from './hooks-self-test.ts';
import { Host } from './host.ts';

/**
 * Replays the last fold of a journal and does nothing else: no effect starts, no timer ticks, nothing is written. What each
 * entry made of the machine is told to `onEntry`.
 *
 * @throws {MismatchError} The machine is not the one that wrote it; the entries before that one were told of.
 */
export async function retrace<Logic extends AnyStateMachine>(
  machine: Logic,
  options: Required<Pick<DurableOptions<Logic>, 'id' | 'entries' | 'onEntry'>>,
): Promise<void> {
  await assertHooks();
  const append = () => Promise.reject(new NotRunningError(options.id, 'stopped'));
  new Host(machine, { ...options, append, onProblem: () => {} }).retrace();
}

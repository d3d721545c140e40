import { Lifetime } from '../lifetime.ts';
import { LocalActors } from '../local-actors.ts';
import type { Backend } from '../port.ts';
import { MemoryBlobs } from './blobs.ts';
import { MemoryEventBus } from './events.ts';
import { MemoryInbox } from './inbox.ts';
import { MemoryJournal } from './journal.ts';
import { type MemoryOptions, parseMemoryOptions } from './options.ts';
import { MemoryRecords } from './records.ts';

export type { MemoryOptions } from './options.ts';

/**
 * A backend in this process's memory: for tests, demos, and work that need not outlive the process. It keeps every
 * promise of the port but that what is durable (B1) is so as long as the backend object lives; it is never unavailable.
 *
 * @throws {InvalidOptionsError} Naming each option that is not as expected.
 * @example
 * import { SimulatedClock } from 'xstate';
 * import { memoryBackend } from './src/backends/memory/index.ts';
 *
 * await using backend = memoryBackend({ clock: new SimulatedClock(), ackWait: 5_000 });
 * await backend.inbox.submit({ taskId: 'order-1', name: 'order', body: { cart_id: 1 } });
 * await backend.inbox.take({ names: ['order'], limit: 10 }, async (delivery) => {
 *   const commit = { id: 'commit-1', writer: 'worker-1', entries: [delivery.message.body] };
 *   await backend.journal.append(delivery.message.taskId, 0, commit);
 *   await delivery.acknowledge();
 * });
 */
export function memoryBackend(options: MemoryOptions = {}): Backend {
  const settings = parseMemoryOptions(options);
  const lifetime = new Lifetime('memory');
  const blobs = new MemoryBlobs(settings, lifetime);
  const close = (): Promise<void> => lifetime.end();
  return {
    name: 'memory',
    journal: new MemoryJournal(settings, lifetime, blobs),
    inbox: new MemoryInbox(settings, lifetime),
    events: new MemoryEventBus(settings, lifetime),
    records: new MemoryRecords(settings, lifetime),
    blobs,
    actors: new LocalActors(settings, lifetime),
    close,
    [Symbol.asyncDispose]: close,
  };
}

import type { AnyEventObject, AnyStateMachine } from 'xstate';
import type { Json } from '../../machines/json.ts';
import { type DurableActor, type DurableOptions, durable, type Problem } from '../../src/durable/index.ts';
import { VirtualClock } from '../virtual-time.ts';
import { TestJournal } from './life.ts';

/** One journal, one clock, and the actors that a test puts on them, one after the other or side by side. */
export class Stand {
  readonly clock: VirtualClock;
  readonly journal: TestJournal;
  readonly problems: Problem[] = [];

  constructor({ time = 0, entries = [] }: { time?: number; entries?: readonly Json[] } = {}) {
    this.clock = new VirtualClock(time);
    this.journal = new TestJournal(entries);
  }

  /** An actor on what the journal holds now; not started. */
  actor(machine: AnyStateMachine, options: Partial<DurableOptions> = {}): DurableActor {
    return durable(machine, {
      id: 'it',
      clock: this.clock,
      entries: this.journal.entries,
      sequence: this.journal.sequence,
      append: this.journal.append,
      hashContext: true,
      alwaysReplay: true,
      onProblem: (problem) => this.problems.push(problem),
      ...options,
    });
  }

  /** What the journal holds, in words. */
  get told(): string[] {
    return this.journal.entries.map((entry) => {
      const { type, of, to, event, timer } = entry as unknown as Record<string, string> & {
        event: AnyEventObject;
      };
      return [type, event?.type ?? timer, of ?? to].filter(Boolean).join(' ');
    });
  }

  /** The problems, in words. */
  get reported(): string[] {
    return this.problems.map(
      ({ kind, error }) => `${kind}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

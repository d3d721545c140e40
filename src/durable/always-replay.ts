import type { Json } from '../../machines/json.ts';
import { EntryRefusedError } from './errors/entry-refused-error.ts';
import type { Append } from './writer.ts';

/**
 * For tests. Keeps what an actor's journal holds, so that after each commit it can be replayed beside the live actor: the two
 * must stand alike, in state and context. What is not pure (a guard that reads a clock, an assign that draws a number) is found
 * where it happens, not in the crash that would need it.
 */
export class AlwaysReplay {
  readonly #entries: Json[];

  /** @param entries What the journal holds. */
  constructor(entries: readonly Json[]) {
    this.#entries = [...entries];
  }

  /** Everything that is appended through this is kept. */
  recording(append: Append): Append {
    let last: string | undefined;
    return async (expected, batch) => {
      // One that has no answer is repeated as it is.
      if (last !== batch.id) this.#entries.push(...(structuredClone(batch.entries) as Json[]));
      last = batch.id;
      try {
        return await append(expected, batch);
      } catch (error) {
        // It comes again without the entry that was refused.
        if (error instanceof EntryRefusedError) this.#entries.splice(-batch.entries.length);
        throw error;
      }
    };
  }

  /** What the journal holds by now. */
  get entries(): readonly Json[] {
    return this.#entries;
  }
}

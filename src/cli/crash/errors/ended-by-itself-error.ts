import type { Death } from '../life.ts';

/** A process ended without having been told to: its program is wrong, and the run says nothing. */
export class EndedByItselfError extends Error {
  override readonly name = 'EndedByItselfError';

  constructor(life: string, { code, signal }: Death) {
    super(`Worker "${life}" ended by itself (${signal ?? `exit code ${code}`}), expected it to live.`);
  }
}

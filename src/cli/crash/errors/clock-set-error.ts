/** The clock was set during the run, so that the times of calls and commits cannot be compared. */
export class ClockSetError extends Error {
  override readonly name = 'ClockSetError';

  constructor(ms: number) {
    super(
      `The machine's clock was set by ${Math.round(ms)} ms during the run, expected it to go on evenly: run it again.`,
    );
  }
}

/**
 * Tells of what a callback threw that must not throw: as a warning of the process, which harms nobody (B6) and is
 * not silent either.
 *
 * @param where What called it: `inbox.take`.
 */
export function reportThrown(where: string, thrown: unknown): void {
  reportFailure(`The callback given to ${where} threw`, thrown);
}

/** Tells, as a warning of the process, of what failed where nobody waits for an answer. @param what A clause. */
export function reportFailure(what: string, thrown: unknown): void {
  const reason = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  process.emitWarning(`${what}: ${reason}`, 'TaskchartWarning');
}

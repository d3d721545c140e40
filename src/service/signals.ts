/** The signals that ask a process to end, and the exit codes that shells give to their names. */
const STOP_SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Calls once when the process is asked to end; a second signal ends it as it would have without this.
 *
 * @param stop Gets the exit code that belongs to the signal.
 * @returns Takes the handlers away again.
 */
export function onStopSignal(stop: (exitCode: number) => void): () => void {
  const handlers = Object.entries(STOP_SIGNALS).map(([signal, exitCode]) => {
    const handler = () => {
      remove();
      stop(exitCode);
    };
    process.once(signal, handler);
    return [signal, handler] as const;
  });
  const remove = () => {
    for (const [signal, handler] of handlers) process.removeListener(signal, handler);
  };
  return remove;
}

/**
 * Something went wrong beside the way of the machine: it goes on, and somebody should know.
 *
 * - `action`: an action threw or rejected. `cleanup`: an effect threw when it was stopped.
 * - `append`: an append had no answer and is repeated.
 * - `observer`: a subscriber, `onEntry` or an inspector threw.
 * - `unobserved`: the machine came to an error, or its host to an end, and nobody listens for errors.
 * - `refused`: something was not JSON or too large, and became the failure of the effect it came from.
 * - `thrown`: what an effect threw, with its stack, before it became JSON.
 */
export interface Problem {
  readonly kind: 'action' | 'cleanup' | 'append' | 'observer' | 'unobserved' | 'refused' | 'thrown';
  /** The actor's id, as given to `durable`. */
  readonly id: string;
  /** Which actor of the tree, where it is about one. */
  readonly address?: string;
  readonly error: unknown;
}

/** Tells of a problem where nobody asked to be told. */
export function warn({ kind, id, address, error }: Problem): void {
  // An effect that throws is a machine's daily bread: its `onError` is told.
  if (kind === 'thrown') return;
  const where = address ? `${id} at ${address}` : id;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.emitWarning(`Durable actor ${where}: ${kind}: ${text}`, 'TaskchartWarning');
}

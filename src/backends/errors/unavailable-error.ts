/**
 * The backend did not answer: unreachable, late or without leader. Whether it did what was asked is *unknown*:
 * repeat the very same call, which changes nothing if it did.
 */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
  /** For a step whose effect ran into it: another attempt is the same call again. */
  readonly retryable = true;
  readonly code = 'unavailable';

  /** @param call What was asked: `journal.append`. @param options The evidence. */
  constructor(call: string, options: { readonly cause: unknown }) {
    const reason = options.cause instanceof Error ? options.cause.message : String(options.cause);
    super(`No answer to ${call}: ${reason}. It may have been done: repeat the very same call.`, options);
  }
}

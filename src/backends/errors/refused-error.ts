/**
 * It will never be taken as it is: do not repeat it, change what is asked. {@link TooLargeError} and
 * {@link MalformedError} are kinds of it.
 */
export class RefusedError extends Error {
  override readonly name: string = 'RefusedError';
  /** For a step whose effect ran into it: no further attempt can help. */
  readonly retryable = false;
  readonly code: string = 'refused';
}

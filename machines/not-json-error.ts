/**
 * A value that would not survive JSON was about to enter. Permanent: the same value will never be taken; the
 * caller has to send another.
 */
export class NotJsonError extends Error {
  override readonly name = 'NotJsonError';
  /** For a step whose effect ran into it: no further attempt can help. */
  readonly retryable = false;
  readonly code = 'not_json';
  /** Where the culprit is, as code would reach it: `body.items[2].price`. */
  readonly path: string;

  constructor(path: string, reason: string) {
    super(`${path} ${reason}`);
    this.path = path;
  }
}

/** No stream takes a subject now: it was deleted, or is just being changed. Always the cause of an `UnavailableError`. */
export class NoStreamError extends Error {
  override readonly name = 'NoStreamError';

  constructor(subject: string) {
    super(`no stream takes ${subject} now`);
  }
}

/** The door is open, what is behind it is not yet: ask again soon. Nothing was started. */
export class NotStartedError extends Error {
  override readonly name = 'NotStartedError';

  constructor() {
    super('The service is starting.');
  }
}

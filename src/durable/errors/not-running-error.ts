/** An event was delivered to an actor that takes none any more: it was stopped, or has ended. It was not stored. */
export class NotRunningError extends Error {
  override readonly name = 'NotRunningError';
  readonly id: string;
  readonly status: string;

  constructor(id: string, status: string) {
    super(`Actor ${JSON.stringify(id)} takes no events: it is ${status}.`);
    this.id = id;
    this.status = status;
  }
}

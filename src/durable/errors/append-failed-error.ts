/** The journal refused an append for good. The actor has stopped; what is durable stays, and can be restored. */
export class AppendFailedError extends Error {
  override readonly name = 'AppendFailedError';
  readonly id: string;

  constructor(id: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`Actor ${JSON.stringify(id)} stopped: its journal refused an append: ${reason}`, { cause });
    this.id = id;
  }
}

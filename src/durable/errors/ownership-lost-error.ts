/** Another process writes to the journal now: this actor has stopped, and nothing of it may be acknowledged. */
export class OwnershipLostError extends Error {
  override readonly name = 'OwnershipLostError';
  readonly id: string;
  /** Whose commit stands where one of ours was to be appended; undefined when the journal is empty. */
  readonly writer: string | undefined;

  constructor(id: string, writer: string | undefined) {
    const found =
      writer === undefined ? 'is empty' : `ends with a commit by writer ${JSON.stringify(writer)}`;
    super(`Actor ${JSON.stringify(id)} stopped: its journal ${found}, so another process owns it.`);
    this.id = id;
    this.writer = writer;
  }
}

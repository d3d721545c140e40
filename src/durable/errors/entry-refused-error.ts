/**
 * For `append` to reject with: one entry of the batch will never be stored as it is, too large for example. Nothing of the
 * batch was stored. If the entry is an effect's result, the effect fails with this; if it was sent in, the sender is told.
 */
export class EntryRefusedError extends Error {
  override readonly name = 'EntryRefusedError';
  readonly code = 'refused';
  /** Which entry of the batch, counted from 0. */
  readonly index: number;

  constructor(index: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.index = index;
  }
}

/** The process died before it answered. */
export class DiedError extends Error {
  override readonly name = 'DiedError';

  constructor(life: string) {
    super(`Worker "${life}" died before it answered.`);
  }
}

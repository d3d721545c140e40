import { RefusedError } from './refused-error.ts';

/** A value exceeds what the backend can store in one piece. Nothing was stored; do not repeat it. */
export class TooLargeError extends RefusedError {
  override readonly name = 'TooLargeError';
  /** The size of its JSON text in bytes of UTF-8. */
  readonly bytes: number;
  /** How many the backend takes. */
  readonly limit: number;

  /** @param what The value: `body`. @param remedy What to do instead, a sentence. */
  constructor(what: string, bytes: number, limit: number, remedy: string) {
    super(`${what} is ${bytes} bytes of JSON text; the limit is ${limit}. ${remedy}`);
    this.bytes = bytes;
    this.limit = limit;
  }
}

import { RefusedError } from './refused-error.ts';
import type { TooLargeError } from './too-large-error.ts';

/** One entry of a commit is too large, or a value in it is. Nothing was stored; the commit can be without that entry. */
export class EntryTooLargeError extends RefusedError {
  override readonly name = 'EntryTooLargeError';
  /** Which entry of the commit, counted from 0. */
  readonly index: number;
  /** Where in the entry the value stands, as a JSON pointer; undefined if the entry itself is too large. */
  readonly pointer: string | undefined;
  /** The size of its JSON text in bytes of UTF-8. */
  readonly bytes: number;
  /** How many the backend takes. */
  readonly limit: number;

  /** @param cause What the backend said. */
  constructor(index: number, pointer: string | undefined, cause: TooLargeError) {
    const where = pointer === undefined ? '' : ` at ${pointer === '' ? 'its root' : pointer}`;
    super(`commit.entries[${index}]${where}: ${cause.message}`, { cause });
    this.index = index;
    this.pointer = pointer;
    this.bytes = cause.bytes;
    this.limit = cause.limit;
  }
}

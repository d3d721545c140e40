import { assertJson } from '../../machines/json.ts';
import { TooLargeError } from './errors/too-large-error.ts';

/** How large a value may be. */
export interface Limit {
  /** In bytes of UTF-8. */
  readonly bytes: number;
  /** What to do with a value that is larger, a sentence. */
  readonly remedy: string;
}

/**
 * The JSON text of a value that enters a backend.
 *
 * @param what The value's name in the port, for errors: `body`.
 * @throws {NotJsonError} It would not survive.
 * @throws {TooLargeError} Its text exceeds the limit.
 */
export function jsonText(value: unknown, what: string, limit: Limit): string {
  assertJson(value, what);
  const text = JSON.stringify(value);
  // UTF-8 takes up to three bytes for a UTF-16 unit: most texts need no counting.
  if (text.length * 3 > limit.bytes) {
    const bytes = Buffer.byteLength(text);
    if (bytes > limit.bytes) throw new TooLargeError(what, bytes, limit.bytes, limit.remedy);
  }
  return text;
}

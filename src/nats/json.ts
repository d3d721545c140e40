import { RequestError } from '../../machines/task/index.ts';

/** JSON is UTF-8; what is not is refused, not mended. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** @throws {RequestError} The bytes are no JSON. */
export function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch (error) {
    const found =
      bytes.length === 0
        ? 'nothing'
        : error instanceof SyntaxError
          ? error.message
          : 'bytes that are no text';
    throw new RequestError(undefined, [{ path: '', message: `expected JSON in UTF-8, found ${found}` }]);
  }
}

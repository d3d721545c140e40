import { TooLargeError } from '../errors/too-large-error.ts';

/** What the headers of our messages take up at most, in bytes: a subject, and an id of 256 characters, percent-encoded. */
const HEADERS = 4_096;

/** How many bytes of a value fit into one message. */
export function roomIn(maxPayload: number): number {
  return maxPayload - HEADERS;
}

/** @param what The value: `commit`. @param maxPayload The server's limit. @throws {TooLargeError} */
export function assertPayload(what: string, text: string, maxPayload: number): void {
  const room = roomIn(maxPayload);
  if (text.length * 3 <= room) return;
  const bytes = Buffer.byteLength(text);
  if (bytes <= room) return;
  const remedy = `That is what the NATS server takes (max_payload ${maxPayload}), less ${HEADERS} for headers: keep large values as blobs, or raise max_payload.`;
  throw new TooLargeError(what, bytes, room, remedy);
}

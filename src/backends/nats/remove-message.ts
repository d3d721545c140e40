import type { Connection } from './connection.ts';
import { JetStreamError } from './jetstream-error.ts';

/**
 * Removes a message from its stream; it may be gone already. It is erased: a mere mark may be forgotten by a server that is
 * killed.
 *
 * @throws {UnavailableError}
 */
export async function removeMessage(
  call: string,
  connection: Connection,
  stream: string,
  sequence: number,
): Promise<void> {
  try {
    await connection.api(call, `STREAM.MSG.DELETE.${stream}`, { seq: sequence });
  } catch (error) {
    if (!(error instanceof JetStreamError)) throw error;
  }
}

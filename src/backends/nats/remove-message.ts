import type { Connection } from './connection.ts';
import { JetStreamError } from './jetstream-error.ts';

/** Removes a message from its stream; it may be gone already. @throws {UnavailableError} */
export async function removeMessage(
  call: string,
  connection: Connection,
  stream: string,
  sequence: number,
): Promise<void> {
  try {
    await connection.api(call, `STREAM.MSG.DELETE.${stream}`, { seq: sequence, no_erase: true });
  } catch (error) {
    if (!(error instanceof JetStreamError)) throw error;
  }
}

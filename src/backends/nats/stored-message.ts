/** Reading one message of a stream where writes are decided: from its leader, never from a copy that may lag. */
import { jetStreamCode } from './codes.ts';
import type { Connection } from './connection.ts';
import { JetStreamError } from './jetstream-error.ts';

export interface StoredMessage {
  readonly subject: string;
  readonly seq: number;
  /** When it was stored, in whole ms since the epoch. */
  readonly at: number;
  readonly data: Buffer;
  /** All headers as they are on the wire: `NATS/1.0`, then a line each. */
  readonly headers: string | undefined;
  header(name: string): string | undefined;
}

interface Answer {
  readonly message: {
    readonly subject: string;
    readonly seq: number;
    readonly time: string;
    /** In base64; none if empty. */
    readonly hdrs?: string;
    readonly data?: string;
  };
}

/**
 * @param call What was asked of the backend, for errors.
 * @param which By its sequence, as the next of a filter from one on, or as the last on its subject.
 * @returns Nothing if there is none. @throws {JetStreamError} There is no such stream.
 */
export async function storedMessage(
  call: string,
  connection: Connection,
  stream: string,
  which: { readonly seq: number; readonly next_by_subj?: string } | { readonly last_by_subj: string },
): Promise<StoredMessage | undefined> {
  let answer: Answer;
  try {
    answer = await connection.api(call, `STREAM.MSG.GET.${stream}`, which);
  } catch (error) {
    if (error instanceof JetStreamError && error.code === jetStreamCode.noMessageFound) return undefined;
    throw error;
  }
  const { subject, seq, time, hdrs, data } = answer.message;
  const headers = hdrs === undefined ? undefined : Buffer.from(hdrs, 'base64').toString();
  return {
    subject,
    seq,
    at: Math.floor(Date.parse(time)),
    data: Buffer.from(data ?? '', 'base64'),
    headers,
    header: (name) => headers && headerOf(headers, name),
  };
}

/** Of the text of all headers: `NATS/1.0`, then a line each. */
function headerOf(headers: string, name: string): string | undefined {
  const start = `\r\n${name}: `;
  const index = headers.indexOf(start);
  return index < 0 ? undefined : headers.slice(index + start.length, headers.indexOf('\r\n', index + 2));
}

/** How a commit is kept: its message, and what is read from it. Any NATS client can read the body. */
import { createHash } from 'node:crypto';
import { headers, type MsgHdrs } from 'nats';
import { hasForm } from '../names.ts';
import type { Commit, StoredCommit } from '../port.ts';
import { sequenceAt } from './generations.ts';
import type { StoredMessage } from './stored-message.ts';

/** The headers of a message that holds a commit. */
export const commitHeader = {
  /** The sequence of the commit before it; 0 for the first of a journal. */
  previous: 'Taskchart-Previous',
  /** There if it closes its journal. */
  closing: 'Taskchart-Closing',
  /** Where it is a copy: the sequence and the time that it had. */
  sequence: 'Taskchart-Sequence',
  at: 'Taskchart-At',
} as const;

/** JetStream's own. */
export const expectedHeader = {
  id: 'Nats-Msg-Id',
  stream: 'Nats-Expected-Stream',
  lastOnSubject: 'Nats-Expected-Last-Subject-Sequence',
} as const;

/** A commit where it is kept. */
export interface KeptCommit {
  readonly commit: StoredCommit;
  /** The sequence of the commit before it; 0 for the first of a journal. */
  readonly previous: number;
  /** Its place in the stream that it was read from. */
  readonly place: number;
}

/** The body of a commit's message. @param entries Their JSON text. */
export function commitText({ id, writer, blobs, closing }: Commit, entries: string): string {
  const head = JSON.stringify({
    id,
    writer,
    ...(closing !== undefined && { closing }),
    ...(blobs && { blobs }),
  });
  return `${head.slice(0, -1)},"entries":${entries}}`;
}

/** @param place On the subject of its task: where the message is that it is to follow, 0 for none. */
export function commitHeaders(
  taskId: string,
  { id, closing }: Commit,
  { stream, previous, place }: { readonly stream: string; readonly previous: number; readonly place: number },
): MsgHdrs {
  const made = headers();
  made.set(expectedHeader.id, `${taskId}/${tokenOf(id)}`);
  made.set(expectedHeader.stream, stream);
  made.set(expectedHeader.lastOnSubject, String(place));
  made.set(commitHeader.previous, String(previous));
  if (closing) made.set(commitHeader.closing, '1');
  return made;
}

/** @param generation That it was read from. */
export function keptCommit(message: StoredMessage, generation: number): KeptCommit {
  const { seq, at } = message;
  const sequence = Number(message.header(commitHeader.sequence) ?? sequenceAt(generation, seq));
  const commit: Commit = JSON.parse(message.data.toString());
  return {
    commit: { ...commit, sequence, at: Number(message.header(commitHeader.at) ?? at) },
    previous: Number(message.header(commitHeader.previous)),
    place: seq,
  };
}

/** A commit's id, or what stands for it where it would not survive as a header. */
function tokenOf(id: string): string {
  if (hasForm('subscriberName', id)) return id;
  return `=${createHash('sha256').update(id).digest('base64url')}`;
}

/** How a commit is kept: its message, and what is read from it. Any NATS client can read the body. */
import { createHash } from 'node:crypto';
import { headers, type MsgHdrs } from 'nats';
import { hasForm } from '../names.ts';
import type { Commit, StoredCommit } from '../port.ts';
import { type Location, sequenceAt } from './generations.ts';
import type { StoredMessage } from './stored-message.ts';

/** The headers of a message of a journal. */
export const commitHeader = {
  /** The sequence of the commit before it; 0 for the first of a journal. */
  previous: 'Taskchart-Previous',
  /** There if it closes its journal. */
  closing: 'Taskchart-Closing',
  /** Where it is a copy: the sequence and the time that it had. */
  sequence: 'Taskchart-Sequence',
  at: 'Taskchart-At',
  /** There if it is no commit, but says where the journal goes on: `<generation>.<life>`; `-` for nowhere. */
  moved: 'Taskchart-Moved',
} as const;

/** JetStream's own. */
export const expectedHeader = {
  id: 'Nats-Msg-Id',
  lastOnSubject: 'Nats-Expected-Last-Subject-Sequence',
} as const;

/** A commit where it is kept. */
export interface KeptCommit {
  readonly commit: StoredCommit;
  /** The sequence of the commit before it; 0 for the first of a journal. */
  readonly previous: number;
  readonly location: Location;
  /** Its place in the stream of its generation. */
  readonly place: number;
  /** That of the commit before it. */
  readonly placeBefore: number;
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

/**
 * @param previous The sequence of the commit that it is to follow; 0 for none.
 * @param place Where the message is that it is to follow; 0 for none.
 */
export function commitHeaders(taskId: string, commit: Commit, previous: number, place: number): MsgHdrs {
  const made = headers();
  made.set(expectedHeader.id, `${taskId}/${tokenOf(commit.id)}`);
  made.set(expectedHeader.lastOnSubject, String(place));
  made.set(commitHeader.previous, String(previous));
  if (commit.closing) made.set(commitHeader.closing, '1');
  return made;
}

/** The message of a copy. @param place Where the message is that it is to follow; 0 for none. */
export function copyOf({ commit, previous }: KeptCommit, place: number): { text: string; headers: MsgHdrs } {
  const { sequence, at, entries, closing } = commit;
  const made = headers();
  made.set(expectedHeader.lastOnSubject, String(place));
  made.set(commitHeader.previous, String(previous));
  made.set(commitHeader.sequence, String(sequence));
  made.set(commitHeader.at, String(at));
  if (closing) made.set(commitHeader.closing, '1');
  return { text: commitText(commit, JSON.stringify(entries)), headers: made };
}

/** What ends a journal in one place. @param to Where it goes on; nothing if it does not. @param place Of its last message. */
export function movedHeaders(to: Location | undefined, place: number): MsgHdrs {
  const made = headers();
  made.set(expectedHeader.lastOnSubject, String(place));
  made.set(commitHeader.moved, to ? `${to.generation}.${to.life}` : '-');
  return made;
}

/** Where a journal goes on, by the value of its header; nothing for nowhere. */
export function movedTo(value: string): Location | undefined {
  const [generation = '', life = ''] = value.split('.');
  return value === '-' ? undefined : { generation: Number(generation), life };
}

/** @param location That it was read from. */
export function keptCommit(message: StoredMessage, location: Location): KeptCommit {
  const { seq, at } = message;
  const sequence = Number(message.header(commitHeader.sequence) ?? sequenceAt(location.generation, seq));
  const commit: Commit = JSON.parse(message.data.toString());
  return {
    commit: { ...commit, sequence, at: Number(message.header(commitHeader.at) ?? at) },
    previous: Number(message.header(commitHeader.previous)),
    location,
    place: seq,
    placeBefore: Number(message.header(expectedHeader.lastOnSubject)),
  };
}

/** A commit's id, or what stands for it where it would not survive as a header. */
function tokenOf(id: string): string {
  if (hasForm('subscriberName', id)) return id;
  return `=${createHash('sha256').update(id).digest('base64url')}`;
}

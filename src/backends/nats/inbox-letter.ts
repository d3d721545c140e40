/** A message of the inbox, read. */
import type { Msg, MsgHdrs } from 'nats';
import { assertJson } from '../../../machines/json.ts';
import { MalformedError } from '../errors/malformed-error.ts';
import type { Json } from '../port.ts';
import type { Head } from '../ready-queue.ts';
import { type InboxSubjects, inboxHeader } from './inbox-subjects.ts';

export interface NatsLetter {
  readonly head: Head;
  readonly body: Json;
  readonly text: string;
  /** How many times it was handed over before it came into this stream. */
  readonly attemptsBefore: number;
}

/** JSON is UTF-8; what is not is refused, not mended. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** @returns Why it cannot be read, if it is a sentence. */
export function letterOf(subjects: InboxSubjects, message: Msg): NatsLetter | string {
  const headers = headersOf(message);
  if (headers === 'unreadable') return 'The headers cannot be read.';
  const head = subjects.headOf(message.subject, headers?.get(inboxHeader.eventId));
  if (typeof head === 'string') return head;
  let text: string;
  try {
    text = utf8.decode(message.data);
  } catch {
    return `The body is ${message.data.length} bytes that are not UTF-8; expected JSON.`;
  }
  try {
    const body: unknown = JSON.parse(text);
    assertJson(body, 'body');
    const disagreement = disagreementOf(head, body);
    if (disagreement)
      return `${disagreement.what} is ${JSON.stringify(disagreement.value)}, but the subject says ${JSON.stringify(disagreement.expected)}.`;
    return { head, body, text, attemptsBefore: attemptsOf(headers) };
  } catch (error) {
    return `The body is no JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** A header block may hold anything. */
export function headersOf(message: Msg): MsgHdrs | 'unreadable' | undefined {
  try {
    return message.headers;
  } catch {
    return 'unreadable';
  }
}

/** @throws {MalformedError} The body of a request names another task than the one it is for. */
export function assertAgreement(head: Head, body: Json): void {
  const disagreement = disagreementOf(head, body);
  if (!disagreement) return;
  const { what, value, expected } = disagreement;
  throw new MalformedError(what, value, `${JSON.stringify(expected)}, as the request’s own is, or none`);
}

/** Where subject and body of a request both name its task, they must agree. */
function disagreementOf(head: Head, body: Json) {
  if (head.kind === 'event' || typeof body !== 'object' || body === null || Array.isArray(body))
    return undefined;
  const { name, id } = body;
  if (typeof name === 'string' && name !== head.name) {
    return { what: 'body.name', value: name, expected: head.name };
  }
  if (typeof id === 'string' && id !== head.taskId) {
    return { what: 'body.id', value: id, expected: head.taskId };
  }
  return undefined;
}

function attemptsOf(headers: MsgHdrs | undefined): number {
  const attempts = Number(headers?.get(inboxHeader.attempts) ?? 0);
  return Number.isSafeInteger(attempts) && attempts > 0 ? attempts : 0;
}

/**
 * How messages of the inbox are addressed.
 *
 * - `<prefix>.inbox.<task>.<id>` is a request; any client may publish one there.
 * - `<prefix>.inbox.<task>.<id>.<event>` is an event, on a subject of its own, so that the stream holds each once.
 *   `<event>` is the event's id where that is a token of 64 characters at most; else `=` and its hash, and the id is in a header.
 * - `<prefix>.inbox.<task>.<id>.~<…>` is one of the two that the timers brought back, an event if the header says so. Its
 *   subject is its own: a server that was killed may have forgotten that the message on the old one was acknowledged, and
 *   keeps it there, where nobody ever gets it.
 */
import { createHash } from 'node:crypto';
import { expectationOf, type FormName, hasForm } from '../names.ts';
import type { Head } from '../ready-queue.ts';

/** Headers of messages in the inbox. */
export const inboxHeader = {
  /** An event's id, percent-encoded, where the subject does not say it. */
  eventId: 'Taskchart-Event-Id',
  /** How many times the message was handed over before it came to where it is. */
  attempts: 'Taskchart-Attempts',
  /** Until when a message of the timers waits, in ms since the epoch. */
  until: 'Taskchart-Until',
  /** Where its sender wants to hear why it cannot be taken. */
  replyTo: 'Taskchart-Reply-To',
} as const;

const TOKEN = /^[A-Za-z0-9_-]{1,64}$/;

/** Begins no event's token. */
const RETURNED = '~';

/** What stands for an event's id in a subject. */
export function eventToken(eventId: string): string {
  return TOKEN.test(eventId) ? eventId : `=${createHash('sha256').update(eventId).digest('base64url')}`;
}

export class InboxSubjects {
  readonly prefix: string;

  /** @param prefix Of all subjects: `taskchart`. */
  constructor(prefix: string) {
    this.prefix = `${prefix}.inbox.`;
  }

  /** Takes all messages for a task name. */
  filter(name: string): string {
    return `${this.prefix}${name}.>`;
  }

  of(head: Head): string {
    const subject = `${this.prefix}${head.name}.${head.taskId}`;
    return head.kind === 'request' ? subject : `${subject}.${eventToken(head.eventId)}`;
  }

  /** Where a message comes back from the timers. @param token What no other one has. */
  ofReturned(name: string, taskId: string, token: string): string {
    return `${this.prefix}${name}.${taskId}.${RETURNED}${token}`;
  }

  /**
   * What a message is about.
   *
   * @param eventIdHeader The header {@link inboxHeader.eventId}. @returns Why it cannot be told, if it is a sentence.
   */
  headOf(subject: string, eventIdHeader: string | undefined): Head | string {
    const [name, taskId, event, ...more] = subject.slice(this.prefix.length).split('.');
    if (!subject.startsWith(this.prefix) || taskId === undefined || more.length > 0) {
      return `The subject is ${subject}; expected ${this.prefix}<task>.<id>, or ${this.prefix}<task>.<id>.<event>.`;
    }
    if (!hasForm('taskName', name)) return notOf('taskName', 'The task name', name);
    if (!hasForm('taskId', taskId)) return notOf('taskId', 'The task id', taskId);
    const isReturned = event?.startsWith(RETURNED) ?? false;
    const eventId = decoded(eventIdHeader) ?? (isReturned ? undefined : event);
    if (event === undefined || eventId === undefined) return { kind: 'request', taskId, name };
    if (!hasForm('id', eventId)) return notOf('id', 'The event id', eventId);
    if (isReturned || eventToken(eventId) === event) return { kind: 'event', taskId, name, eventId };
    return `The subject ends with ${event}; expected ${eventToken(eventId)} for the event id ${JSON.stringify(eventId)}.`;
  }
}

/** The header that an event's id needs beside its subject. */
export function eventIdHeader(head: Head): string | undefined {
  return head.kind === 'event' && !TOKEN.test(head.eventId) ? encodeURIComponent(head.eventId) : undefined;
}

function notOf(form: FormName, what: string, value: unknown): string {
  return `${what} is ${JSON.stringify(value)}; expected ${expectationOf(form)}.`;
}

/** Nothing for a header that is missing; one that is not percent-encoded stands for itself. */
function decoded(header: string | undefined): string | undefined {
  if (!header) return undefined;
  try {
    return decodeURIComponent(header);
  } catch {
    return header;
  }
}

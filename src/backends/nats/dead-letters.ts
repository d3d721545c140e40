/**
 * Messages that nobody can take: kept whole, with the reason, and answered if their sender asked for it.
 *
 * - L1. A message is stored here before it leaves the inbox; stored twice for one message it is once (its id says so).
 * - L2. What is said of it is in its headers; its body is as it came. Headers that would tell JetStream what to do with the
 *   message do not come along.
 * - L3. Replies go to inboxes of clients only: a message must not make us publish to anybody else.
 */
import { type MsgHdrs, headers as makeHeaders } from 'nats';
import { reportFailure } from '../report.ts';
import type { Connection } from './connection.ts';
import type { HeaderField } from './header-fields.ts';
import { inboxHeader } from './inbox-subjects.ts';

/** Headers of dead letters. */
export const deadHeader = {
  /** Why, a sentence. */
  reason: 'Taskchart-Reason',
  /** Where it was sent to. */
  subject: 'Taskchart-Subject',
  /** When it was stored in the inbox, ISO 8601. */
  storedAt: 'Taskchart-Stored-At',
} as const;

export interface DeadLetter {
  readonly subject: string;
  /** The message's in the inbox. */
  readonly sequence: number;
  readonly body: Uint8Array;
  readonly headers: readonly HeaderField[];
  /** In ms since the epoch. */
  readonly at: number;
  readonly reason: string;
}

/** As much as a header should hold. */
const LONGEST_REASON = 1_000;

/** How often it is told that there are dead letters, in ms. */
const WARN_EVERY = 10_000;

export interface DeadLetterNames {
  /** The inbox's stream. */
  readonly inbox: string;
  readonly prefix: string;
  readonly inboxPrefix: string;
}

export class DeadLetters {
  readonly #connection: Connection;
  readonly #names: DeadLetterNames;
  #unsaid = 0;
  #nextWarning = 0;

  constructor(connection: Connection, names: DeadLetterNames) {
    this.#connection = connection;
    this.#names = names;
  }

  /** Resolves once the letter is stored. @throws {UnavailableError} */
  async add(call: string, letter: DeadLetter): Promise<void> {
    const { inbox, prefix } = this.#names;
    const headers = portable(letter.headers);
    headers.set('Nats-Msg-Id', `${inbox}/${letter.sequence}`);
    headers.set(deadHeader.reason, printable(letter.reason));
    headers.set(deadHeader.subject, printable(letter.subject));
    headers.set(deadHeader.storedAt, new Date(letter.at).toISOString());
    const subject = `${prefix}.dead.${letter.subject.slice(`${prefix}.inbox.`.length)}`;
    await this.#connection.publish(call, subject, letter.body, headers);
    this.#answer(letter);
    this.#warn(letter);
  }

  /** Not of each: there may be thousands, and they are kept. */
  #warn({ sequence, reason }: DeadLetter): void {
    this.#unsaid++;
    const now = performance.now();
    if (now < this.#nextWarning) return;
    this.#nextWarning = now + WARN_EVERY;
    const others = this.#unsaid > 1 ? `, as ${this.#unsaid - 1} did since the last warning` : '';
    reportFailure(
      `The message ${sequence} of ${this.#names.inbox} went to the dead letters${others}`,
      reason,
    );
    this.#unsaid = 0;
  }

  #answer({ headers, subject, reason }: DeadLetter): void {
    const [, replyTo] = headers.find(([name]) => name === inboxHeader.replyTo) ?? [];
    if (!replyTo || !this.#isInbox(replyTo)) return;
    const answer = { error: { code: 'refused', message: reason, subject } };
    this.#connection.nats.publish(replyTo, JSON.stringify(answer));
  }

  #isInbox(subject: string): boolean {
    const prefix = ['_INBOX', this.#names.inboxPrefix].find((start) => subject.startsWith(`${start}.`));
    return prefix !== undefined && /^(?:\.[A-Za-z0-9_-]+)+$/.test(subject.slice(prefix.length));
  }
}

/** The headers that may go to another stream. */
function portable(fields: readonly HeaderField[]): MsgHdrs {
  const copy = makeHeaders();
  for (const [name, value] of fields) {
    if (/^nats-/i.test(name)) continue;
    try {
      copy.append(name, value);
    } catch {
      // What no header may hold was none.
    }
  }
  return copy;
}

function printable(text: string): string {
  const line = text.replaceAll(/\p{Cc}+/gu, ' ').trim();
  return line.length > LONGEST_REASON ? `${line.slice(0, LONGEST_REASON)}…` : line;
}

/**
 * Messages that nobody can take: kept whole, with the reason, and answered if their sender asked for it.
 *
 * - L1. A message is stored here before it leaves the inbox; stored twice for one message it is once (its id says so).
 * - L2. What is said of it is in its headers; its body is as it came. Headers that would tell JetStream what to do with the
 *   message do not come along.
 * - L3. Replies go to inboxes of clients only: a message must not make us publish to anybody else.
 */
import { type Msg, type MsgHdrs, headers as makeHeaders } from 'nats';
import { reportFailure } from '../report.ts';
import type { Connection } from './connection.ts';
import type { DeliveryInfo } from './delivery-info.ts';
import { fieldsOf, type HeaderField } from './header-fields.ts';
import { headersOf } from './inbox-letter.ts';
import { inboxHeader } from './inbox-subjects.ts';
import { roomIn } from './payload.ts';
import type { Streams } from './streams.ts';

/** Headers of dead letters. */
export const deadHeader = {
  /** Why, a sentence. */
  reason: 'Taskchart-Reason',
  /** Where it was sent to. */
  subject: 'Taskchart-Subject',
  /** When it was stored in the inbox, ISO 8601. */
  storedAt: 'Taskchart-Stored-At',
  /** Of a message too large to be kept in one piece: `1 of 2`. */
  part: 'Taskchart-Part',
  /** How long the headers were that were too long to come along. */
  dropped: 'Taskchart-Headers-Dropped',
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

/** As much as a header should hold, in characters. */
const LONGEST_REASON = 500;

/** How much of its sender's headers comes along with a letter, in bytes. */
const LONGEST_HEADERS = 8_192;

/** Whatever a server's limit: one of less would store nothing of ours. */
const LEAST_PART = 1_024;

/** How often it is told that there are dead letters, in ms. */
const WARN_EVERY = 10_000;

export interface DeadLettersOptions {
  readonly connection: Connection;
  readonly streams: Streams;
  /** The inbox's stream. */
  readonly inbox: string;
  readonly prefix: string;
  readonly inboxPrefix: string;
}

export class DeadLetters {
  readonly #options: DeadLettersOptions;
  #unsaid = 0;
  #nextWarning = 0;

  constructor(options: DeadLettersOptions) {
    this.#options = options;
  }

  /** Adds a message that a consumer delivered. Resolves once it is stored. @throws {UnavailableError} */
  async addDelivered(
    call: string,
    message: Msg,
    { sequence, at }: DeliveryInfo,
    reason: string,
  ): Promise<void> {
    const { subject, data: body } = message;
    const found = headersOf(message);
    const headers = fieldsOf(found === 'unreadable' ? undefined : found);
    await this.add(call, { subject, sequence, body, headers, at, reason });
  }

  /** Resolves once the letter is stored. @throws {UnavailableError} */
  async add(call: string, letter: DeadLetter): Promise<void> {
    const { connection, streams, inbox, prefix } = this.#options;
    const { subject, sequence, at, reason } = letter;
    const parts = this.#partsOf(letter);
    for (const [index, part] of parts.entries()) {
      const headers = index === 0 ? this.#headersOf(letter) : makeHeaders();
      headers.set('Nats-Msg-Id', `${inbox}/${sequence}/${at}/${index}`);
      headers.set(deadHeader.reason, printable(reason));
      headers.set(deadHeader.subject, printable(subject));
      headers.set(deadHeader.storedAt, new Date(at).toISOString());
      if (parts.length > 1) headers.set(deadHeader.part, `${index + 1} of ${parts.length}`);
      const tail = subject.slice(`${prefix}.inbox.`.length);
      await streams.guard(call, () => connection.publish(call, `${prefix}.dead.${tail}`, part, headers));
    }
    this.#answer(letter);
    this.#warn(letter);
  }

  /** As large as the server takes with our headers: what others have sent may be as large as it takes with none. */
  #partsOf({ body }: DeadLetter): readonly Uint8Array[] {
    const room = Math.max(roomIn(this.#options.connection.maxPayload) - LONGEST_HEADERS, LEAST_PART);
    const count = Math.max(1, Math.ceil(body.length / room));
    return Array.from({ length: count }, (_, index) => body.subarray(index * room, (index + 1) * room));
  }

  /** Those of its sender; where they are too long to come along, that is said. */
  #headersOf({ headers }: DeadLetter): MsgHdrs {
    const copy = portable(headers);
    const { length } = copy.toString();
    if (length * 3 <= LONGEST_HEADERS) return copy;
    const none = makeHeaders();
    none.set(deadHeader.dropped, `${length} characters`);
    return none;
  }

  /** Not of each: there may be thousands, and they are kept. */
  #warn({ sequence, reason }: DeadLetter): void {
    this.#unsaid++;
    const now = performance.now();
    if (now < this.#nextWarning) return;
    this.#nextWarning = now + WARN_EVERY;
    const others = this.#unsaid > 1 ? `, as ${this.#unsaid - 1} did since the last warning` : '';
    reportFailure(
      `The message ${sequence} of ${this.#options.inbox} went to the dead letters${others}`,
      reason,
    );
    this.#unsaid = 0;
  }

  #answer({ headers, subject, reason }: DeadLetter): void {
    const [, replyTo] = headers.find(([name]) => name === inboxHeader.replyTo) ?? [];
    if (!replyTo || !this.#isInbox(replyTo)) return;
    const answer = { error: { code: 'refused', message: reason, subject } };
    this.#options.connection.nats.publish(replyTo, JSON.stringify(answer));
  }

  #isInbox(subject: string): boolean {
    const prefix = ['_INBOX', this.#options.inboxPrefix].find((start) => subject.startsWith(`${start}.`));
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

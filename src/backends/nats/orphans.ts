/**
 * Finds messages of the inbox that no worker knows: for a task name that has no consumer, or on a subject that is none of ours.
 *
 * Invariants:
 * - O1. As long as there are none, looking costs a question a time: what the stream holds, less what its consumers have before
 *   them and in hands, is their number. The two are not read at one time, so that is a hint; each message decides for itself.
 * - O2. A message goes to the dead letters only when it has been there for the grace, and all the while, at every look, no
 *   consumer took its subject: one may be gone for a moment, to be made anew.
 * - O3. Each message is looked at once, as a rule: those before `#from` have been, and have a consumer.
 */
import { reportFailure } from '../report.ts';
import { matcherOf } from '../subject.ts';
import type { Connection } from './connection.ts';
import type { ConsumerInfo } from './consumers.ts';
import type { DeadLetters } from './dead-letters.ts';
import { fieldsOfText } from './header-fields.ts';
import { type InboxSubjects, inboxHeader } from './inbox-subjects.ts';
import { removeMessage } from './remove-message.ts';
import { type StoredMessage, storedMessage } from './stored-message.ts';
import { streamInfo } from './streams.ts';

const CALL = 'inbox.take';

/** How many messages are looked at a time. */
const MOST_LOOKS = 2_000;

export interface OrphansOptions {
  readonly connection: Connection;
  /** The inbox. */
  readonly stream: string;
  readonly subjects: InboxSubjects;
  readonly dead: DeadLetters;
  /** How long a message waits for a worker that knows it, in ms. */
  readonly grace: number;
}

export class Orphans {
  readonly #options: OrphansOptions;
  readonly #every: number;
  #from = 1;
  /** Since when subjects were seen that no consumer takes, in ms since the epoch. */
  readonly #unknown = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(options: OrphansOptions) {
    this.#options = options;
    this.#every = Math.min(options.grace / 4, 15_000);
  }

  start(): void {
    this.#timer ??= setTimeout(
      () => {
        this.#looking = this.#look()
          .catch((error: unknown) => {
            const away = !this.#options.connection.isConnected;
            if (!away) reportFailure('The inbox could not be searched for messages that nobody knows', error);
          })
          .finally(() => {
            if (!this.#timer) return;
            this.#timer = undefined;
            this.start();
          });
      },
      // Several workers need not look at the same time.
      this.#every * (0.75 + Math.random() / 2),
    );
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { connection, stream } = this.#options;
    const consumers = await consumersOf(connection, stream);
    const info = await streamInfo(connection, stream);
    if (!info) return;
    const known = consumers.reduce(
      (sum, { num_pending, num_ack_pending }) => sum + num_pending + num_ack_pending,
      0,
    );
    const { messages, first_seq, last_seq } = info.state;
    if (messages <= known) return;
    this.#from = Math.max(this.#from, first_seq);
    const takes = consumers.map(({ config }) => matcherOf(config.filter_subject ?? '>'));
    const isKnown = (subject: string): boolean => takes.some((matches) => matches(subject));
    for (const subject of this.#unknown.keys()) if (isKnown(subject)) this.#unknown.delete(subject);
    await this.#walk(isKnown);
    // They must be among those that were looked at: a consumer has gone since.
    if (this.#from > last_seq) this.#from = 1;
  }

  async #walk(isKnown: (subject: string) => boolean): Promise<void> {
    const { connection, stream, subjects, grace } = this.#options;
    let from = this.#from;
    let isComplete = true;
    for (let looks = 0; looks < MOST_LOOKS && this.#timer; looks++) {
      const which = { seq: from, next_by_subj: `${subjects.prefix}>` };
      const message = await storedMessage(CALL, connection, stream, which);
      if (!message) break;
      from = message.seq + 1;
      if (isKnown(message.subject) || (await this.#mayBury(message, grace))) {
        if (isComplete) this.#from = from;
      } else isComplete = false;
    }
  }

  /** @returns Whether it was done. */
  async #mayBury(message: StoredMessage, grace: number): Promise<boolean> {
    const { subject, at } = message;
    const now = Date.now();
    const since = this.#unknown.get(subject) ?? now;
    if (now < Math.max(since, at) + grace) {
      if (this.#unknown.size < MOST_LOOKS) this.#unknown.set(subject, since);
      return false;
    }
    this.#unknown.delete(subject);
    await this.#bury(message);
    return true;
  }

  async #bury({ subject, seq, at, data, headers: text, header }: StoredMessage): Promise<void> {
    const { connection, stream, subjects, dead, grace } = this.#options;
    const head = subjects.headOf(subject, header(inboxHeader.eventId));
    const reason =
      typeof head === 'string'
        ? head
        : `No worker knows the task name ${JSON.stringify(head.name)}, nor did one within ${grace} ms.`;
    await dead.add(CALL, { subject, sequence: seq, body: data, headers: fieldsOfText(text), at, reason });
    await removeMessage(CALL, connection, stream, seq);
  }
}

async function consumersOf(connection: Connection, stream: string): Promise<ConsumerInfo[]> {
  const all: ConsumerInfo[] = [];
  for (;;) {
    const page = await connection.api<{ total: number; consumers: ConsumerInfo[] | null }>(
      CALL,
      `CONSUMER.LIST.${stream}`,
      { offset: all.length },
    );
    all.push(...(page.consumers ?? []));
    if (all.length >= page.total || !page.consumers?.length) return all;
  }
}

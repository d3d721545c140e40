/**
 * What was published, in the order in which it was stored, across streams.
 *
 * Invariants:
 * - A message's `order` never changes and has no gap; the log drops from its front only, by age.
 * - `#bySubject` and `#byId` hold exactly the messages of the log: what a duplicate is duplicate of can be read.
 */
import type { Look, Publication, PublicationLog } from '../cursor.ts';
import { Fifo, firstIndex } from '../fifo.ts';
import type { OutgoingMessage } from '../port.ts';
import { isExact, type Matcher } from '../subject.ts';

export class MessageLog implements PublicationLog {
  readonly #retention: number;
  readonly #messages = new Fifo<Publication>();
  readonly #bySubject = new Map<string, Fifo<Publication>>();
  readonly #byId = new Map<string, Publication>();
  readonly #sequences = new Map<string, number>();
  #end = 0;

  /** @param retention In ms. */
  constructor(retention: number) {
    this.#retention = retention;
  }

  get end(): number {
    return this.#end;
  }

  /** The stored message that a new one would repeat. */
  original({ subject, id, once }: Omit<OutgoingMessage, 'body'>): Publication | undefined {
    return once ? this.#bySubject.get(subject)?.at(0) : this.#byId.get(idKey(subject, id));
  }

  add(stream: string, { subject, id }: Omit<OutgoingMessage, 'body'>, text: string, at: number): Publication {
    const sequence = (this.#sequences.get(stream) ?? 0) + 1;
    this.#sequences.set(stream, sequence);
    this.#end++;
    const message: Publication = { stream, sequence, at, subject, id, order: this.#end, text };
    this.#messages.push(message);
    let sameSubject = this.#bySubject.get(subject);
    if (!sameSubject) {
      sameSubject = new Fifo();
      this.#bySubject.set(subject, sameSubject);
    }
    sameSubject.push(message);
    this.#byId.set(idKey(subject, id), message);
    return message;
  }

  /** One of an exact filter is found without a walk. */
  look(filter: string, matches: Matcher, position: number): Look {
    return { message: this.#next(filter, matches, position), upTo: this.#end };
  }

  /** Drops what is older than retention. */
  sweep(at: number): void {
    for (
      let head = this.#messages.at(0);
      head && head.at + this.#retention < at;
      head = this.#messages.at(0)
    ) {
      this.#messages.shift();
      this.#byId.delete(idKey(head.subject, head.id));
      const sameSubject = this.#bySubject.get(head.subject);
      sameSubject?.shift();
      if (sameSubject?.length === 0) this.#bySubject.delete(head.subject);
    }
  }

  #next(filter: string, matches: Matcher, position: number): Publication | undefined {
    if (isExact(filter)) {
      const messages = this.#bySubject.get(filter);
      return messages?.at(firstIndex(messages, (message) => message.order > position));
    }
    const first = this.#messages.at(0)?.order ?? 0;
    for (let index = Math.max(position + 1 - first, 0); index < this.#messages.length; index++) {
      const message = this.#messages.at(index);
      if (message && matches(message.subject)) return message;
    }
    return undefined;
  }
}

/** Neither holds a line break. */
function idKey(subject: string, id: string): string {
  return `${subject}\n${id}`;
}

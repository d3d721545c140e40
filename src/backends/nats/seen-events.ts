/**
 * The events that are no longer in the inbox, remembered for the retention since they left it.
 *
 * An event is in the inbox on a subject of its own, which holds one message: while it is there it comes no second time. It is
 * remembered here *before* it leaves the inbox, so that at any time it is found in one of the two.
 */
import type { Connection } from './connection.ts';
import { eventToken } from './inbox-subjects.ts';
import { storedMessage } from './stored-message.ts';

export interface EventKey {
  readonly taskId: string;
  readonly eventId: string;
}

export class SeenEvents {
  readonly #connection: Connection;
  readonly #stream: string;
  readonly #prefix: string;

  constructor(connection: Connection, stream: string, prefix: string) {
    this.#connection = connection;
    this.#stream = stream;
    this.#prefix = `${prefix}.seen.`;
  }

  async has(call: string, event: EventKey): Promise<boolean> {
    const which = { last_by_subj: this.#subject(event) };
    return (await storedMessage(call, this.#connection, this.#stream, which)) !== undefined;
  }

  async add(call: string, event: EventKey): Promise<void> {
    await this.#connection.publish(call, this.#subject(event), '');
  }

  #subject({ taskId, eventId }: EventKey): string {
    return `${this.#prefix}${taskId}.${eventToken(eventId)}`;
  }
}

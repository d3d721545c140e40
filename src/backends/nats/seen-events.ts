/**
 * The events that are no longer in the inbox, remembered for the retention since they left it.
 *
 * An event is in the inbox on a subject of its own, which holds one message: while it is there it comes no second time. It is
 * remembered here *before* it leaves the inbox, so that at any time it is found in one of the two.
 */
import type { Connection } from './connection.ts';
import { eventToken } from './inbox-subjects.ts';
import { storedMessage } from './stored-message.ts';
import type { Streams } from './streams.ts';

export interface EventKey {
  readonly taskId: string;
  readonly eventId: string;
}

export interface SeenEventsOptions {
  readonly connection: Connection;
  readonly streams: Streams;
  /** Where they are remembered. */
  readonly stream: string;
  readonly prefix: string;
}

export class SeenEvents {
  readonly #options: SeenEventsOptions;

  constructor(options: SeenEventsOptions) {
    this.#options = options;
  }

  async has(call: string, event: EventKey): Promise<boolean> {
    const { connection, streams, stream } = this.#options;
    const which = { last_by_subj: this.#subject(event) };
    const seen = await streams.guard(call, () => storedMessage(call, connection, stream, which));
    return seen !== undefined;
  }

  async add(call: string, event: EventKey): Promise<void> {
    const { connection, streams } = this.#options;
    await streams.guard(call, () => connection.publish(call, this.#subject(event), ''));
  }

  #subject({ taskId, eventId }: EventKey): string {
    return `${this.#options.prefix}.seen.${taskId}.${eventToken(eventId)}`;
  }
}

/**
 * Requests and their replies, over one wildcard subscription.
 *
 * Invariants:
 * - R1. Each request settles once: with its reply, or, when none has come by its deadline or the connection is lost,
 *   with an {@link UnavailableError}; what comes later is dropped. None waits for ever.
 * - R2. While there is no connection nothing is sent: a request rejects at once, and its caller repeats it.
 * - R3. No timer a request: a sweep finds the late ones, within `SWEEP` of their deadlines.
 *
 * The client's own `request` costs several times as much a call (a deferred, a timer, a stack trace).
 */
import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from 'nats';
import { RefusedError } from '../errors/refused-error.ts';
import { UnavailableError } from '../errors/unavailable-error.ts';

/** How often late requests are looked for, in ms. */
const SWEEP = 100;

interface Pending {
  readonly call: string;
  readonly subject: string;
  readonly deadline: number;
  readonly resolve: (reply: Msg) => void;
  readonly reject: (error: Error) => void;
}

export interface RequestOptions {
  readonly headers?: MsgHdrs | undefined;
  /** In ms. */
  readonly timeout: number;
}

export class Replies {
  readonly #connection: NatsConnection;
  readonly #prefix: string;
  readonly #pending = new Map<string, Pending>();
  #count = 0;
  #isAway = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param inboxPrefix Before the subject of the replies. */
  constructor(connection: NatsConnection, inboxPrefix: string) {
    this.#connection = connection;
    this.#prefix = `${createInbox(inboxPrefix)}.`;
    connection.subscribe(`${this.#prefix}*`, {
      callback: (_error, message) => this.#take(message),
    });
  }

  /** @param call What was asked of the backend, for errors: `journal.append`. @throws {UnavailableError} */
  request(
    call: string,
    subject: string,
    payload: string | Uint8Array,
    options: RequestOptions,
  ): Promise<Msg> {
    if (this.#isAway || this.#connection.isClosed()) {
      return Promise.reject(new UnavailableError(call, { cause: 'there is no connection to NATS' }));
    }
    return new Promise((resolve, reject) => {
      const token = (this.#count++).toString(36);
      const { headers, timeout } = options;
      // What the client throws (a payload above the server's limit) rejects.
      this.#connection.publish(subject, payload, {
        reply: this.#prefix + token,
        ...(headers && { headers }),
      });
      this.#pending.set(token, { call, subject, deadline: performance.now() + timeout, resolve, reject });
      this.#timer ??= setTimeout(() => this.#sweep(), SWEEP);
    });
  }

  /** The connection is lost, and with it all replies that were on their way. */
  onDisconnect(): void {
    this.#isAway = true;
    this.#rejectAll('the connection to NATS was lost');
  }

  onReconnect(): void {
    this.#isAway = false;
  }

  /** The server lets this connection send nothing to the subject. */
  onForbidden(subject: string): void {
    for (const [token, pending] of this.#pending) {
      if (pending.subject !== subject) continue;
      this.#pending.delete(token);
      pending.reject(
        new RefusedError(
          `${pending.call}: NATS does not permit these credentials to publish to ${subject}. Grant it, or use others.`,
        ),
      );
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#rejectAll('the backend was closed');
  }

  #take(message: Msg): void {
    const token = message.subject.slice(this.#prefix.length);
    const pending = this.#pending.get(token);
    if (!pending) return;
    this.#pending.delete(token);
    pending.resolve(message);
  }

  #sweep(): void {
    const now = performance.now();
    for (const [token, pending] of this.#pending) {
      if (pending.deadline > now) continue;
      this.#pending.delete(token);
      pending.reject(
        new UnavailableError(pending.call, { cause: `no reply from ${pending.subject} in time` }),
      );
    }
    this.#timer = this.#pending.size > 0 ? setTimeout(() => this.#sweep(), SWEEP) : undefined;
  }

  #rejectAll(cause: string): void {
    const all = [...this.#pending.values()];
    this.#pending.clear();
    for (const { call, reject } of all) reject(new UnavailableError(call, { cause }));
  }
}

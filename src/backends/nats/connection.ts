/**
 * The connection to NATS, and what is asked over it.
 *
 * Invariants:
 * - C1. A lost connection is made again, for ever, with jitter; who listens is told. A server that answers no pings is
 *   left for another.
 * - C2. Every call settles: with the answer, with a {@link JetStreamError} (it was refused), with a `RefusedError` (it will
 *   never be taken), or with an {@link UnavailableError} (unknown: late, away, without leader). See `Replies`.
 */
import {
  connect,
  ErrorCode,
  Events,
  type Msg,
  type MsgHdrs,
  headers as makeHeaders,
  type NatsConnection,
  NatsError,
} from 'nats';
import { RefusedError } from '../errors/refused-error.ts';
import { UnavailableError } from '../errors/unavailable-error.ts';
import { reportFailure } from '../report.ts';
import { status } from './codes.ts';
import { JetStreamError } from './jetstream-error.ts';
import { NoStreamError } from './no-stream-error.ts';
import type { NatsSettings } from './options.ts';
import { Replies } from './replies.ts';
import { connectionOptions } from './servers.ts';

/** Where JetStream stored a message. */
export interface StoredAt {
  readonly stream: string;
  readonly seq: number;
  readonly duplicate?: boolean;
}

/** An answer of JetStream, or its refusal. */
interface Refusal {
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description?: string };
}

/** How long until a server is tried again, in ms, about: first and at last. */
const LEAST_DELAY = 50;
const MOST_DELAY = 1_000;

/** How long until a server is tried again: longer the longer there was none, and never the same for all workers. */
class Pace {
  #since = performance.now();

  begin(): void {
    this.#since = performance.now();
  }

  /** In ms. */
  readonly delay = (): number => {
    const away = performance.now() - this.#since;
    return Math.min(Math.max(away / 2, LEAST_DELAY), MOST_DELAY) * (0.5 + Math.random());
  };
}

export class Connection {
  /** The client's own, for subscriptions and what needs no answer. */
  readonly nats: NatsConnection;
  /** Several servers keep each message, one of which leads. */
  readonly #hasElections: boolean;
  readonly #replies: Replies;
  readonly #pace: Pace;
  readonly #timeout: number;
  readonly #listeners = new Set<(isConnected: boolean) => void>();
  #isConnected = true;

  private constructor(nats: NatsConnection, pace: Pace, settings: NatsSettings) {
    this.nats = nats;
    this.#pace = pace;
    this.#replies = new Replies(nats, settings.inboxPrefix);
    this.#timeout = settings.requestTimeout;
    this.#hasElections = settings.replicas > 1;
    void this.#watch();
  }

  /**
   * Connects, trying again until `connectTimeout` has passed.
   *
   * @throws {RefusedError} The credentials are not taken, or TLS is not to be had.
   * @throws {UnavailableError} No server was reached in time.
   */
  static async open(settings: NatsSettings): Promise<Connection> {
    const options = await connectionOptions(settings);
    const pace = new Pace();
    const deadline = performance.now() + settings.connectTimeout;
    for (;;) {
      try {
        const nats = await connect({ ...options, reconnectDelayHandler: pace.delay });
        return new Connection(nats, pace, settings);
      } catch (error) {
        const servers = settings.servers.map(({ url }) => url).join(', ');
        if (isHopeless(error)) {
          const reason = error instanceof Error ? error.message : String(error);
          throw new RefusedError(`natsBackend: ${servers} refused the connection: ${reason}`, {
            cause: error,
          });
        }
        const delay = pace.delay();
        if (performance.now() + delay > deadline) {
          throw new UnavailableError(`natsBackend of ${servers}`, { cause: error });
        }
        await new Promise((resolve) => setTimeout(resolve, delay));
      }
    }
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** The largest message that the server takes, headers included, in bytes. */
  get maxPayload(): number {
    return this.nats.info?.max_payload ?? 1024 * 1024;
  }

  /** @param listener Told when the connection is lost, and when it is there again. @returns What ends that. */
  onChange(listener: (isConnected: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Asks whoever listens on a subject.
   *
   * @param call What was asked of the backend, for errors: `journal.append`.
   * @returns Their reply; a message with a status in its header if nobody listens.
   */
  request(
    call: string,
    subject: string,
    payload: string | Uint8Array = '',
    { headers, timeout = this.#timeout }: { headers?: MsgHdrs | undefined; timeout?: number } = {},
  ): Promise<Msg> {
    return this.#replies.request(call, subject, payload, { headers, timeout });
  }

  /** Stores a message in the stream that takes its subject. @throws {JetStreamError} */
  async publish(
    call: string,
    subject: string,
    payload: string | Uint8Array,
    headers?: MsgHdrs,
  ): Promise<StoredAt> {
    const reply = await this.request(call, subject, payload, { headers });
    if (reply.headers?.code === status.noResponders) {
      throw new UnavailableError(call, { cause: new NoStreamError(subject) });
    }
    const answer = parse<StoredAt>(call, subject, reply);
    if (typeof answer.stream !== 'string' || !(answer.seq > 0)) {
      throw new UnavailableError(call, { cause: `${subject} is answered by something else than a stream` });
    }
    return answer;
  }

  /**
   * Waits until whoever leads a stream has done all that was stored in it before: one that has just been elected may still be
   * at it, and answer reads from before. What is stored on a subject that has something is refused, and only then.
   *
   * @param subject One of the stream that is used for this alone.
   */
  async settle(call: string, subject: string): Promise<void> {
    if (!this.#hasElections) return;
    const headers = makeHeaders();
    headers.set('Nats-Expected-Last-Subject-Sequence', '0');
    try {
      await this.publish(call, subject, '', headers);
    } catch (error) {
      if (!(error instanceof JetStreamError && error.isWrongLastSequence)) throw error;
    }
  }

  /** Asks JetStream's API. @param request What comes behind `$JS.API.`. @throws {JetStreamError} */
  async api<Answer>(call: string, request: string, body?: unknown): Promise<Answer> {
    const subject = `$JS.API.${request}`;
    const reply = await this.request(call, subject, body === undefined ? '' : JSON.stringify(body));
    if (reply.headers?.code === status.noResponders) {
      throw new UnavailableError(call, { cause: 'JetStream is not there (is it enabled on the server?)' });
    }
    return parse(call, subject, reply);
  }

  async close(): Promise<void> {
    this.#replies.close();
    this.#listeners.clear();
    await this.nats.close();
  }

  async #watch(): Promise<void> {
    for await (const change of this.nats.status()) {
      switch (change.type) {
        case Events.Disconnect:
          this.#pace.begin();
          this.#replies.onDisconnect();
          this.#tell(false);
          break;
        case Events.Reconnect:
          this.#replies.onReconnect();
          this.#tell(true);
          break;
        case Events.Error:
          if (change.permissionContext?.operation === 'publish') {
            this.#replies.onForbidden(change.permissionContext.subject);
          } else reportFailure('NATS reports an error', change.data);
          break;
        default:
      }
    }
  }

  #tell(isConnected: boolean): void {
    if (this.#isConnected === isConnected) return;
    this.#isConnected = isConnected;
    for (const listener of [...this.#listeners]) listener(isConnected);
  }
}

/** @throws {JetStreamError} @throws {UnavailableError} The cluster cannot do it now. */
function parse<Answer>(call: string, subject: string, reply: Msg): Answer {
  let answer: (Answer & Refusal) | undefined;
  try {
    answer = reply.json<Answer & Refusal>();
  } catch (cause) {
    throw new UnavailableError(call, { cause });
  }
  const { error } = answer;
  if (!error) return answer;
  const refusal = new JetStreamError(subject, error.err_code ?? error.code, error.description ?? 'no reason');
  throw error.code === status.noResponders ? new UnavailableError(call, { cause: refusal }) : refusal;
}

/** What another attempt would not change. */
const hopeless: readonly string[] = [
  ErrorCode.AuthorizationViolation,
  ErrorCode.AuthenticationExpired,
  ErrorCode.BadAuthentication,
  ErrorCode.BadCreds,
  ErrorCode.ServerOptionNotAvailable,
  ErrorCode.Tls,
];

function isHopeless(error: unknown): boolean {
  return error instanceof NatsError && hopeless.includes(error.code);
}

import type { Json } from '../../machines/json.ts';

export type { Json };

/**
 * The port between Taskchart and the engine that keeps its data: what a backend promises.
 *
 * Invariants, for every backend, guarded by the conformance suite in `test/conformance/`:
 *
 * - B1. A promise that resolves means *durable*, by the backend's own measure (which its module states).
 *   A promise that rejects with {@link UnavailableError} means *unknown*: repeat the very same call.
 * - B2. Every write is idempotent: by the commit's id, the task's id, the event's id, the message's id, the
 *   record's key or the content's hash. Repeating a call changes nothing and says so.
 * - B3. The journal is the truth, the inbox only wakes: of two appends that expect the same sequence one wins.
 * - B4. What goes in comes out equal as JSON, and is never shared by reference.
 * - B5. What is asked of the backend and cannot be promised is refused with an error that names the value and
 *   the limit; nothing is cut short or dropped in silence.
 * - B6. A subscriber that throws, is slow, or goes away harms no other.
 *
 * A backend owns: storage, ordering, redelivery, deduplication, retention. Its callers own: what is in the
 * JSON, when to acknowledge, and what to do with a conflict.
 *
 * Said once for all calls:
 *
 * - What does not survive JSON is refused with `NotJsonError`, by its path. What has not the form that is asked for (an
 *   id, a name, a subject, a key, a number) is refused with `MalformedError`. Both reject, neither stores anything.
 * - The ids of commits, writers, events and messages are 1 to 256 characters, none of them a control character.
 * - *Retention* is a time that the backend is configured with. After it, within a day and in no promised order, go: a
 *   journal, since its closing commit, unless it was opened again; a blob that no journal refers to, since it was last put
 *   (an hour at least) or the last of them went; the id of an event, since its message was acknowledged; a published
 *   message, since it was stored. Nothing else goes.
 * - Callbacks are called in a later turn of the event loop, never from within the call that gave rise to them, so a
 *   callback may call anything here.
 */
export interface Backend extends AsyncDisposable {
  /** What it is, in a word, for logs and messages: `memory`, `sqlite`, `nats`. */
  readonly name: string;
  readonly journal: Journal;
  readonly inbox: Inbox;
  readonly events: EventBus;
  readonly records: Records;
  readonly blobs: Blobs;
  readonly actors: Actors;
  /**
   * Ends subscriptions, as {@link Subscription.stop} does, then frees what the backend holds. Calls after it reject with
   * `BackendClosedError`. Safe to call twice; the same as `await using`.
   */
  close(): Promise<void>;
}

/**
 * Ends what it was returned for: from the call on, no handler is begun. Safe to call twice. Resolves when no handler is
 * running any more; so a handler may call it, but must not wait for it.
 */
export interface Subscription extends AsyncDisposable {
  stop(): Promise<void>;
}

// ─── Journal ───────────────────────────────────────────────────────────────────────────────────────────────

/** Entries that became durable together. */
export interface Commit {
  /** Unique among all commits; an append that is repeated after a lost answer carries the same one. */
  readonly id: string;
  /** Who writes: one incarnation of one worker. It tells, after a conflict, whose commit came first. */
  readonly writer: string;
  /** At least one. What they mean is not the backend's to know. */
  readonly entries: readonly Json[];
  /** Hashes of the {@link Blobs} that the entries refer to. They are kept as long as this journal. */
  readonly blobs?: readonly string[];
  /** The task ended with this commit: its retention begins. A later commit without it opens the journal again. @default false */
  readonly closing?: boolean;
}

export interface StoredCommit extends Commit {
  /** Grows within a task's journal, with gaps: opaque to callers but for its order. Never 0. */
  readonly sequence: number;
  /** When it was stored, in ms since the epoch. */
  readonly at: number;
}

/** What came to each task from outside its charts, in order. */
export interface Journal {
  /**
   * Appends to a task's journal and resolves with the new commit's sequence once it is durable.
   * Repeating the very same append resolves with the sequence that its commit has, also when others followed it: a commit
   * that stands right behind `expected` and has this id is this one.
   *
   * @param taskId `[A-Za-z0-9_-]{1,128}`
   * @param expected The sequence of the task's last commit as the caller knows it; 0 for an empty journal.
   * @throws {JournalConflictError} Another commit stands there, or `expected` was never the journal's last: it carries the
   *   sequence and writer of the last commit, or 0 and none if the journal is empty.
   * @throws {TooLargeError} The commit exceeds what the backend can store in one piece.
   * @throws {UnavailableError} Unknown whether it was stored.
   */
  append(taskId: string, expected: number, commit: Commit): Promise<number>;
  /** The task's commits, oldest first; none for an unknown task. @param after Skip up to this sequence. @default 0 */
  read(taskId: string, after?: number): AsyncIterable<StoredCommit>;
  /** The task's last commit, read where writes are decided: never stale. */
  last(taskId: string): Promise<StoredCommit | undefined>;
  /**
   * Hands over the commits after a sequence, the stored ones and then each new one, in order, without gap or repeat; also
   * those of a journal that begins anew after retention. What a callback throws becomes a warning of the process.
   *
   * @param onGap Told, in its place in the order, of commits that cannot be handed over any more: with a `JournalDroppedError` if
   *   the journal was dropped before the follower had all of it. It is followed further. @default a warning of the process
   */
  follow(
    taskId: string,
    after: number,
    onCommit: (commit: StoredCommit) => void,
    onGap?: (error: unknown) => void,
  ): Promise<Subscription>;
}

// ─── Inbox ─────────────────────────────────────────────────────────────────────────────────────────────────

/** What wakes a task: the request for it, or an event sent to it. */
export type Message =
  | { readonly kind: 'request'; readonly taskId: string; readonly name: string; readonly body: Json }
  | {
      readonly kind: 'event';
      readonly taskId: string;
      readonly name: string;
      readonly eventId: string;
      readonly body: Json;
    };

/**
 * A message in a worker's hands. Exactly one of `acknowledge`, `handBack` and `refuse` settles it; what is called after
 * that does nothing. Unsettled for {@link Inbox.ackWait} since it was handed over or last kept alive, it *lapses*: it
 * takes up no place of its taker any more, and its message is delivered again, to whoever has a place. Once that has
 * happened, what the old holder calls does nothing.
 */
export interface Delivery {
  readonly message: Message;
  /** How many times this message has been handed over, this time included. */
  readonly attempt: number;
  /** Done with: removes the message. Resolves once it is gone for good. */
  acknowledge(): Promise<void>;
  /** Not now: delivered again, at once or not before a time, however far. @param until ms since the epoch. @default now */
  handBack(until?: number): Promise<void>;
  /**
   * It will never be taken, by anybody: removes the message, as {@link acknowledge} does. Where others than we put messages
   * into the inbox (NATS), it is kept aside with the reason, and its sender is told.
   *
   * @param reason A sentence.
   */
  refuse(reason: string): Promise<void>;
  /** Still being worked on: the wait for the acknowledgement begins anew. Does nothing once settled or lapsed. */
  keepAlive(): void;
}

/**
 * Wakes tasks. A message is a wake-up, the journal is the truth. Messages of one task come in the order in
 * which they were sent; one handed back keeps its place before later ones of its task once it is due. A message that is
 * held, or handed back until a time, holds up no other: a later one of its task may be handed over meanwhile.
 */
export interface Inbox {
  /** How long a delivery may be held without a sign of life, in ms, before it is delivered again. */
  readonly ackWait: number;
  /**
   * Stores the wake-up for a new task. While one with this task id is unacknowledged nothing is stored again.
   * @param request `taskId`: `[A-Za-z0-9_-]{1,128}`; `name`: the task's, `[a-z][a-z0-9_-]{0,63}`.
   * @throws {TooLargeError} @throws {UnavailableError}
   */
  submit(request: { taskId: string; name: string; body: Json }): Promise<void>;
  /**
   * Stores an event for a task. An `eventId` that the task was sent before is stored no second time, while its message is
   * unacknowledged and for the retention after that.
   * @returns Whether it was a duplicate.
   * @throws {TooLargeError} @throws {UnavailableError}
   */
  deliver(event: { taskId: string; name: string; eventId: string; body: Json }): Promise<{
    duplicate: boolean;
  }>;
  /**
   * Hands over messages for the named tasks, at most `limit` unsettled at a time: the bound is the worker's
   * places, so a worker needs no queue of its own. When stopped, nothing new comes; what was handed over is
   * still the taker's to settle. Several takers share the work: a message is in the hands of one of them.
   *
   * What `onDelivery` throws becomes a warning of the process; the delivery is held until it lapses.
   */
  take(
    options: { names: readonly string[]; limit: number },
    onDelivery: (delivery: Delivery) => void,
  ): Promise<Subscription>;
}

// ─── EventBus ──────────────────────────────────────────────────────────────────────────────────────────────

export interface OutgoingMessage {
  /** Tokens of `[A-Za-z0-9_-]+` joined by dots, 255 characters at most. */
  readonly subject: string;
  /**
   * Deduplicates: the same id on the same subject is stored once, for two minutes at least (JetStream's window), and
   * for as long as the message is kept where that can be. Where it must hold longer, {@link once}.
   */
  readonly id: string;
  readonly body: Json;
  /**
   * The subject carries one message for ever, that is as long as the message is kept: this one is stored only on a
   * subject that has none; else, whatever its id, it is a duplicate of the first there. @default false
   */
  readonly once?: boolean;
}

/** The proof that a message is stored. Of a duplicate: where the first one is. `sequence` grows within a stream. */
export interface PublishAck {
  readonly stream: string;
  readonly sequence: number;
  readonly duplicate: boolean;
}

export interface IncomingMessage extends Omit<OutgoingMessage, 'once'> {
  readonly stream: string;
  readonly sequence: number;
  /** When it was stored, in ms since the epoch. */
  readonly at: number;
}

export interface SubscribeOptions {
  /**
   * `[A-Za-z0-9_-]{1,64}`. A named subscriber continues where it was: it gets what was stored while it was away, and a message
   * whose handler threw or rejected again (after a second), before any later one. Several subscriptions under one name, all
   * of the same filter, are one subscriber: each message goes to one of them. Without a name: from `start` on, each once.
   */
  readonly name?: string;
  /** Where a subscriber without a position begins. @default 'new' */
  readonly start?: 'new' | 'all';
  /** Told what a handler threw. What it throws itself becomes a warning of the process. @default ignored */
  readonly onError?: (error: unknown, message: IncomingMessage) => void;
}

/** Publishes what happened, with an acknowledgement, and hands it to subscribers. */
export interface EventBus {
  /**
   * One attempt; resolves once the message is stored.
   * @throws {RefusedError} It will never be taken as it is: no stream for the subject, or too large (then it is a
   *   `TooLargeError`, which is one). Do not retry.
   * @throws {UnavailableError} Unreachable, late or without leader: unknown, repeat the same.
   */
  publish(message: OutgoingMessage): Promise<PublishAck>;
  /**
   * @param filter A subject in which `*` stands for one token and a last `>` for one or more.
   * @param handler One message at a time, in the order in which they were stored, within a stream; the next waits for the
   *   promise it returns.
   * @throws {RefusedError} The name belongs to a subscriber with another filter.
   */
  subscribe(
    filter: string,
    options: SubscribeOptions,
    handler: (message: IncomingMessage) => void | Promise<void>,
  ): Promise<Subscription>;
}

// ─── Records and Blobs ─────────────────────────────────────────────────────────────────────────────────────

/** Values that are created once and never change: where an order is kept. Never removed by Taskchart. */
export interface Records {
  /**
   * @param key Tokens of `[A-Za-z0-9_-]+` joined by dots, 255 characters at most.
   * @returns What is kept under the key now: the given value, or the one that was there before.
   * @throws {TooLargeError} @throws {UnavailableError}
   */
  create(key: string, value: Json): Promise<{ created: boolean; value: Json }>;
  read(key: string): Promise<Json | undefined>;
}

/** Large values, kept once by the hash of their content. */
export interface Blobs {
  /**
   * Stores a value under the SHA-256 (hex) of its JSON text, as `JSON.stringify` writes it. It stays while a journal
   * refers to it ({@link Commit.blobs}), and for an hour at least after each `put`, for the commit to follow.
   * @throws {TooLargeError} @throws {UnavailableError}
   */
  put(value: Json): Promise<string>;
  read(hash: string): Promise<Json | undefined>;
}

// ─── Actors ────────────────────────────────────────────────────────────────────────────────────────────────

/** Answers what is asked about a task. What it throws, or gives that is not JSON, reaches the asker as an `AnswerError`. */
export type Answer = (ask: Json) => Json | Promise<Json>;

/**
 * Asks the process that runs a task. Who that is is a hint, never a proof: the journal's sequence alone decides. Nothing
 * here is durable.
 */
export interface Actors {
  /**
   * Answers what is asked about a task from now on, until disposed of. Cheap: called for every live task. Of several that
   * answer for a task one is asked.
   *
   * @throws {MalformedError} @throws {BackendClosedError} Thrown, not rejected: it waits for nothing.
   */
  answer(taskId: string, answer: Answer): Disposable;
  /**
   * Asks whoever answers for the task, once.
   *
   * @returns The answer; undefined if nobody answers for the task.
   * @throws {AnswerError} Whoever was asked threw.
   * @throws {TooLargeError}
   * @throws {UnavailableError} No answer within a second: it says nothing about whether somebody runs the task.
   */
  ask(taskId: string, ask: Json): Promise<{ readonly answer: Json } | undefined>;
}

/**
 * The deliveries that this process has in its hands.
 *
 * Invariants:
 * - H1. A delivery is held until it is settled or lapses. It lapses here before the server gives its message to another: its
 *   time runs from when the message cannot have been on its way yet, and begins anew only with a sign of life that the
 *   server has confirmed, from when that was sent.
 * - H2. What is asked of one that has lapsed does nothing, also where the process slept over the lapse and hears of it first
 *   by that call.
 * - H3. Of a message there is one delivery here: if the server gives it again, the older one has lapsed.
 */
import type { Msg } from 'nats';
import { systemClock } from '../../../machines/clock.ts';
import { Alarm } from '../alarm.ts';
import type { Delivery, Message } from '../port.ts';
import { status } from './codes.ts';
import type { Connection } from './connection.ts';
import type { DeliveryInfo } from './delivery-info.ts';
import type { NatsLetter } from './inbox-letter.ts';
import type { NatsTaker } from './inbox-taker.ts';

/** What a delivery does to the inbox that it came from. */
export interface NatsHoldings {
  acknowledge(delivery: NatsDelivery): Promise<void> | undefined;
  handBack(delivery: NatsDelivery, until: number | undefined): Promise<void> | undefined;
  refuse(delivery: NatsDelivery, reason: string): Promise<void> | undefined;
  keepAlive(delivery: NatsDelivery): void;
}

/** A message in a worker's hands. The inbox decides whether it still is. */
export class NatsDelivery implements Delivery {
  readonly message: Message;
  readonly attempt: number;
  readonly letter: NatsLetter;
  readonly taker: NatsTaker;
  /** The message as it came. */
  readonly source: Msg;
  readonly info: DeliveryInfo;
  /** The call that settles it, once there was one. */
  settling: Promise<void> | undefined;
  readonly #holdings: NatsHoldings;

  constructor(
    letter: NatsLetter,
    { source, info }: { readonly source: Msg; readonly info: DeliveryInfo },
    taker: NatsTaker,
    holdings: NatsHoldings,
  ) {
    this.message = { ...letter.head, body: letter.body };
    this.attempt = letter.attemptsBefore + info.delivered;
    this.letter = letter;
    this.taker = taker;
    this.source = source;
    this.info = info;
    this.#holdings = holdings;
  }

  /** The message's in the stream. */
  get sequence(): number {
    return this.info.sequence;
  }

  /** The subject that its acknowledgement goes to. */
  get reply(): string {
    return this.source.reply ?? '';
  }

  async acknowledge(): Promise<void> {
    await this.#holdings.acknowledge(this);
  }

  async handBack(until?: number): Promise<void> {
    await this.#holdings.handBack(this, until);
  }

  async refuse(reason: string): Promise<void> {
    await this.#holdings.refuse(this, reason);
  }

  keepAlive(): void {
    this.#holdings.keepAlive(this);
  }
}

export class Hands {
  readonly #connection: Connection;
  readonly #ackWait: number;
  /** When each lapses, in ms since the epoch. */
  readonly #deadlines = new Map<NatsDelivery, number>();
  readonly #bySequence = new Map<number, NatsDelivery>();
  readonly #alarm = new Alarm(systemClock, () => this.#dropLapsed());
  /** Those that are to be kept alive in this turn of the event loop. */
  #beating = new Set<NatsDelivery>();

  constructor(connection: Connection, ackWait: number) {
    this.#connection = connection;
    this.#ackWait = ackWait;
  }

  /** In the order in which their messages were sent. */
  all(): readonly NatsDelivery[] {
    return [...this.#deadlines.keys()].sort((a, b) => a.sequence - b.sequence);
  }

  /** @param since From when its message may have been on its way, in ms since the epoch. */
  add(delivery: NatsDelivery, since: number): void {
    const deadline = since + this.#ackWait;
    this.#deadlines.set(delivery, deadline);
    this.#bySequence.set(delivery.sequence, delivery);
    delivery.taker.takePlace();
    this.#alarm.set(deadline);
  }

  /** Whether it is held: neither settled nor lapsed. */
  has(delivery: NatsDelivery): boolean {
    const deadline = this.#deadlines.get(delivery);
    if (deadline === undefined) return false;
    if (Date.now() < deadline) return true;
    this.remove(delivery);
    return false;
  }

  /** Takes it out of its holder's hands, if it is in them. */
  remove(delivery: NatsDelivery): void {
    if (!this.#deadlines.delete(delivery)) return;
    if (this.#bySequence.get(delivery.sequence) === delivery) this.#bySequence.delete(delivery.sequence);
    delivery.taker.freePlace();
    if (this.#deadlines.size === 0) this.#alarm.clear();
  }

  /** The server gives this message again. */
  lapse(sequence: number): void {
    const delivery = this.#bySequence.get(sequence);
    if (delivery) this.remove(delivery);
  }

  /** The server gives all messages of this name again. */
  lapseAll(name: string): void {
    for (const delivery of this.all()) if (delivery.message.name === name) this.remove(delivery);
  }

  /** Sends a sign of life for it, together with those of the same turn of the event loop. */
  keepAlive(delivery: NatsDelivery): void {
    if (!this.#connection.isConnected || !this.has(delivery)) return;
    if (this.#beating.size === 0) setImmediate(() => this.#beat());
    this.#beating.add(delivery);
  }

  #beat(): void {
    const byName = Map.groupBy(
      [...this.#beating].filter((delivery) => this.has(delivery) && !delivery.settling),
      ({ message }) => message.name,
    );
    this.#beating = new Set();
    if (!this.#connection.isConnected) return;
    // The server reads them in order, a consumer's at a time: the last one's confirmation stands for all.
    for (const deliveries of byName.values()) {
      const last = deliveries.pop();
      if (!last) continue;
      const sent = Date.now();
      for (const { reply } of deliveries) this.#connection.nats.publish(reply, '+WPI');
      this.#connection.request('delivery.keepAlive', last.reply, '+WPI').then(
        ({ headers }) => {
          if (headers?.code === status.noResponders) return;
          for (const delivery of [...deliveries, last]) this.#extend(delivery, sent + this.#ackWait);
        },
        // Not confirmed: they lapse when they would have.
        () => {},
      );
    }
  }

  #extend(delivery: NatsDelivery, deadline: number): void {
    if (this.has(delivery)) this.#deadlines.set(delivery, deadline);
  }

  #dropLapsed(): void {
    const now = Date.now();
    let next = Number.POSITIVE_INFINITY;
    for (const [delivery, deadline] of this.#deadlines) {
      if (deadline <= now) this.remove(delivery);
      else next = Math.min(next, deadline);
    }
    if (this.#deadlines.size > 0) this.#alarm.set(next);
  }
}

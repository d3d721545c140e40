/**
 * Invariants:
 * - The streams are the truth: what waits, how often it was delivered and until when it waits. Here are the deliveries in
 *   hands (`Hands`: H1–H3) and what the takers have asked for.
 * - A message is acknowledged only by who holds it, and an event is remembered before its message goes.
 * - A message that is handed back is in one place at least until it comes again: with the server until a time that is near, in
 *   the timers until one that is far, stored there before it leaves the inbox.
 * - What cannot be read goes to the dead letters, stored there before it leaves the inbox.
 * - What was put there by others (any client may publish to the inbox) harms no message beside it.
 */
import { type Msg, nanos } from 'nats';
import { assertTime, messageText, namesToTake } from '../arguments.ts';
import { UnavailableError } from '../errors/unavailable-error.ts';
import type { Lifetime } from '../lifetime.ts';
import { assertForm } from '../names.ts';
import type { Delivery, Inbox, Json, Subscription } from '../port.ts';
import { reportFailure } from '../report.ts';
import { status } from './codes.ts';
import type { Connection } from './connection.ts';
import { DeadLetters } from './dead-letters.ts';
import type { DeliveryInfo } from './delivery-info.ts';
import { Acknowledged } from './inbox-acknowledged.ts';
import { InboxConsumers } from './inbox-consumer.ts';
import { Hands, NatsDelivery, type NatsHoldings } from './inbox-hands.ts';
import { assertAgreement, letterOf } from './inbox-letter.ts';
import { Sending } from './inbox-sending.ts';
import type { InboxStreams } from './inbox-streams.ts';
import { InboxSubjects } from './inbox-subjects.ts';
import { NatsTaker } from './inbox-taker.ts';
import { ShortWaits } from './inbox-waits.ts';
import type { NatsSettings } from './options.ts';
import { Orphans } from './orphans.ts';
import { Pulse } from './pulse.ts';
import { SeenEvents } from './seen-events.ts';
import type { Streams } from './streams.ts';
import { Timers } from './timers.ts';

/** A message is given up this much earlier than the server gives it to another: a part of `ackWait`. */
const PULSE_OF_ACK_WAIT = 1 / 50;

export interface NatsInboxOptions {
  readonly connection: Connection;
  readonly streams: Streams;
  readonly names: InboxStreams;
  readonly settings: NatsSettings;
  readonly lifetime: Lifetime;
}

export class NatsInbox implements Inbox, NatsHoldings {
  readonly #connection: Connection;
  readonly #streams: Streams;
  readonly #names: InboxStreams;
  readonly #settings: NatsSettings;
  readonly #lifetime: Lifetime;
  readonly #subjects: InboxSubjects;
  readonly #hands: Hands;
  readonly #waits = new ShortWaits();
  readonly #acknowledged = new Acknowledged();
  readonly #seen: SeenEvents;
  readonly #sending: Sending;
  readonly #dead: DeadLetters;
  readonly #timers: Timers;
  readonly #consumers: InboxConsumers;
  readonly #orphans: Orphans;
  readonly #pulse: Pulse;
  /** How many takers there are, or are about to be. */
  #takers = 0;

  constructor({ connection, streams, names, settings, lifetime }: NatsInboxOptions) {
    this.#connection = connection;
    this.#streams = streams;
    this.#names = names;
    this.#settings = settings;
    this.#lifetime = lifetime;
    const { prefix, inboxPrefix } = settings;
    this.#subjects = new InboxSubjects(prefix);
    this.#hands = new Hands(connection, settings.ackWait);
    this.#seen = new SeenEvents({ connection, streams, stream: names.seen.name, prefix });
    this.#sending = new Sending({
      connection,
      streams,
      stream: names.inbox.name,
      subjects: this.#subjects,
      seen: this.#seen,
    });
    this.#dead = new DeadLetters({ connection, streams, inbox: names.inbox.name, prefix, inboxPrefix });
    this.#timers = new Timers({ connection, streams, names, settings });
    this.#consumers = new InboxConsumers({
      connection,
      stream: names.inbox.name,
      subjects: this.#subjects,
      ackWait: settings.ackWait,
      // Nor are those ours any more that have the same numbers in a stream that was made anew.
      onAnew: (name) => this.#hands.lapseAll(name),
    });
    this.#orphans = new Orphans({
      connection,
      stream: names.inbox.name,
      subjects: this.#subjects,
      dead: this.#dead,
      grace: settings.orphanGrace,
    });
    this.#pulse = new Pulse(Math.max(10, settings.ackWait * PULSE_OF_ACK_WAIT));
    const stopListening = connection.onChange((isConnected) => {
      if (isConnected) this.#consumers.provideAll();
    });
    // Ends with the backend: what is in hands goes back.
    lifetime.subscription(() => {
      stopListening();
      return this.#release();
    });
  }

  get ackWait(): number {
    return this.#settings.ackWait;
  }

  async submit({ taskId, name, body }: { taskId: string; name: string; body: Json }): Promise<void> {
    this.#lifetime.assertOpen('inbox.submit');
    const text = messageText({ taskId, name, body }, this.#settings);
    const head = { kind: 'request', taskId, name } as const;
    assertAgreement(head, body);
    await this.#sending.request(head, text);
  }

  async deliver(event: {
    taskId: string;
    name: string;
    eventId: string;
    body: Json;
  }): Promise<{ duplicate: boolean }> {
    this.#lifetime.assertOpen('inbox.deliver');
    const { taskId, name, eventId } = event;
    assertForm('id', eventId, 'eventId');
    const text = messageText(event, this.#settings);
    return this.#sending.event({ kind: 'event', taskId, name, eventId }, text);
  }

  async take(
    { names, limit }: { names: readonly string[]; limit: number },
    onDelivery: (delivery: Delivery) => void,
  ): Promise<Subscription> {
    this.#lifetime.assertOpen('inbox.take');
    const wanted = namesToTake(names, limit);
    this.#takers++;
    try {
      for (const name of wanted) await this.#consumers.provide(name);
      await this.#timers.start();
      this.#lifetime.assertOpen('inbox.take');
    } catch (error) {
      await this.#leave();
      throw error;
    }
    this.#orphans.start();
    this.#pulse.start();
    const taker = new NatsTaker({
      names: wanted,
      limit,
      onDelivery,
      connection: this.#connection,
      stream: this.#names.inbox.name,
      inboxPrefix: this.#settings.inboxPrefix,
      ackWait: this.ackWait,
      provide: async (name) => {
        await this.#streams.repair();
        await this.#consumers.provide(name);
      },
      onMessage: (from, message, info) => this.#onMessage(from, message, info),
    });
    return this.#lifetime.subscription(async () => {
      await taker.stop();
      await this.#leave();
    });
  }

  acknowledge(delivery: NatsDelivery): Promise<void> | undefined {
    this.#lifetime.assertOpen('delivery.acknowledge');
    return this.#settle(delivery, async () => {
      const { head } = delivery.letter;
      if (head.kind === 'event') await this.#seen.add('delivery.acknowledge', head);
      await this.#answerServer('delivery.acknowledge', delivery, '+ACK');
    });
  }

  handBack(delivery: NatsDelivery, until: number | undefined): Promise<void> | undefined {
    this.#lifetime.assertOpen('delivery.handBack');
    assertTime(until);
    return this.#settle(delivery, async () => {
      const wait = until === undefined ? 0 : Math.ceil(until - Date.now());
      if (until === undefined || wait <= 0) return this.#answerServer('delivery.handBack', delivery, '-NAK');
      const isFar = wait > this.#settings.shortWait || !this.#waits.hasRoom;
      if (isFar && this.#timers.takes(delivery)) return this.#park(delivery, until);
      this.#waits.add(delivery.info, until);
      await this.#answerServer('delivery.handBack', delivery, nakFor(wait));
    });
  }

  refuse(delivery: NatsDelivery, reason: string): Promise<void> | undefined {
    this.#lifetime.assertOpen('delivery.refuse');
    return this.#settle(delivery, async () => {
      const { source, info, letter } = delivery;
      await this.#dead.addDelivered('delivery.refuse', source, info, reason);
      if (letter.head.kind === 'event') await this.#seen.add('delivery.refuse', letter.head);
      await this.#answerServer('delivery.refuse', delivery, '+TERM');
    });
  }

  keepAlive(delivery: NatsDelivery): void {
    if (this.#lifetime.isOpen && !delivery.settling) this.#hands.keepAlive(delivery);
  }

  /** A taker is gone. With the last one goes what is done for all. */
  async #leave(): Promise<void> {
    this.#takers--;
    if (this.#takers > 0) return;
    this.#pulse.stop();
    this.#consumers.stop();
    await Promise.all([this.#orphans.stop(), this.#timers.stop()]);
  }

  /** Puts a message into the timers. It is there before it leaves the inbox. */
  async #park(delivery: NatsDelivery, until: number): Promise<void> {
    const { head } = delivery.letter;
    const due = Math.min(Math.ceil(until), Number.MAX_SAFE_INTEGER);
    await this.#timers.add('delivery.handBack', delivery, due);
    if (head.kind === 'event') await this.#seen.add('delivery.handBack', head);
    await this.#answerServer('delivery.handBack', delivery, '+ACK');
  }

  #onMessage(taker: NatsTaker, message: Msg, info: DeliveryInfo): void {
    const { since } = this.#pulse;
    const reply = message.reply ?? '';
    this.#hands.lapse(info.sequence);
    // It lay here until it was another's: that one has it.
    if (Date.now() >= since + this.ackWait) return;
    const early = this.#waits.remaining(info);
    if (this.#acknowledged.has(info)) this.#connection.nats.publish(reply, '+ACK');
    else if (early > 0) this.#connection.nats.publish(reply, nakFor(early));
    else if (!taker.hasPlace) this.#connection.nats.publish(reply, '-NAK');
    else {
      const letter = letterOf(this.#subjects, message);
      if (typeof letter === 'string') void this.#bury(taker, message, info, { reason: letter, since });
      else {
        const delivery = new NatsDelivery(letter, { source: message, info }, taker, this);
        this.#hands.add(delivery, since);
        taker.hand(delivery);
      }
    }
  }

  /** Settles a delivery; if that fails, it is held as before. Nothing if it is not held. */
  #settle(delivery: NatsDelivery, act: () => Promise<void>): Promise<void> | undefined {
    if (!delivery.settling && this.#hands.has(delivery)) {
      delivery.settling = act().then(
        () => this.#hands.remove(delivery),
        (error) => {
          delivery.settling = undefined;
          throw error;
        },
      );
    }
    return delivery.settling;
  }

  /** Says what becomes of a message that is still held. Resolves once the server has confirmed it. */
  async #answerServer(call: string, delivery: NatsDelivery, answer: string): Promise<void> {
    if (!this.#hands.has(delivery)) return;
    const { headers } = await this.#connection.request(call, delivery.reply, answer);
    if (headers?.code === status.noResponders) {
      throw new UnavailableError(call, { cause: `the consumer ${delivery.message.name} is not there` });
    }
    if (answer === '+ACK' || answer === '+TERM') this.#acknowledged.add(delivery.info);
  }

  /** Takes a place while it is under way, so that bad messages come no faster than good ones. */
  async #bury(
    taker: NatsTaker,
    message: Msg,
    info: DeliveryInfo,
    { reason, since }: { reason: string; since: number },
  ): Promise<void> {
    taker.takePlace();
    try {
      await this.#dead.addDelivered('inbox.take', message, info, reason);
      if (Date.now() < since + this.ackWait) {
        await this.#connection.request('inbox.take', message.reply ?? '', '+TERM');
      }
    } catch (error) {
      reportFailure(
        `The message ${info.sequence} could not be put to the dead letters; it comes again`,
        error,
      );
    }
    taker.freePlace();
  }

  async #release(): Promise<void> {
    await Promise.allSettled(
      this.#hands
        .all()
        .map(
          (delivery) =>
            this.#settle(delivery, () => this.#answerServer('backend.close', delivery, '-NAK')) ??
            Promise.resolve(),
        ),
    );
    for (const delivery of this.#hands.all()) this.#hands.remove(delivery);
  }
}

/** Back to the server for so long. @param wait In whole ms: a fraction of one would be none at all. */
function nakFor(wait: number): string {
  return `-NAK ${JSON.stringify({ delay: nanos(wait) })}`;
}

/**
 * Invariants:
 * - A letter is in one place at a time: ready in its name's queue, held by one delivery, or parked until a time.
 *   Only its current holder moves it; a late one changes nothing.
 * - A taker's `unsettled` counts the deliveries that it holds and that have not lapsed.
 * - Deliveries are held in the order of their deadlines, since all wait equally long: a lapse is found at the front.
 * - Takers are served in a turn of the event loop of their own, so that a taker that hands back at once again and
 *   again never keeps I/O and timers from their turn.
 */
import { now } from '../../../machines/clock.ts';
import { Alarm } from '../alarm.ts';
import { assertTime, messageText, namesToTake } from '../arguments.ts';
import { Held, HeldDelivery, type Holdings } from '../delivery.ts';
import { Fifo } from '../fifo.ts';
import { Heap } from '../heap.ts';
import type { Lifetime } from '../lifetime.ts';
import { assertForm } from '../names.ts';
import type { Delivery, Inbox, Json, Subscription } from '../port.ts';
import { type Letter, ReadyQueue } from '../ready-queue.ts';
import { Taker, Takers } from '../takers.ts';
import type { MemorySettings } from './options.ts';

/** How many letters are handed over in one turn of the event loop. */
const TURN = 512;

interface MemoryLetter extends Letter {
  /** The body's JSON text. */
  readonly text: string;
  /** How many times it has been handed over. */
  attempt: number;
}

interface Parked {
  readonly letter: MemoryLetter;
  readonly until: number;
}

type MemoryDelivery = HeldDelivery<MemoryLetter>;

export class MemoryInbox implements Inbox, Holdings<MemoryLetter> {
  readonly #settings: MemorySettings;
  readonly #lifetime: Lifetime;
  readonly #queues = new Map<string, ReadyQueue<MemoryLetter>>();
  readonly #held = new Held<MemoryLetter>();
  readonly #parked = new Heap<Parked>((a, b) => a.until < b.until);
  readonly #alarm: Alarm;
  /** Task ids whose request is not acknowledged. */
  readonly #requested = new Set<string>();
  /** Events that were sent, by task and id. */
  readonly #events = new Set<string>();
  /** Those of them whose message is gone, oldest first. */
  readonly #acknowledged = new Fifo<{ readonly key: string; readonly at: number }>();
  readonly #takers = new Takers<MemoryLetter>();
  #isScheduled = false;
  #sequence = 0;

  constructor(settings: MemorySettings, lifetime: Lifetime) {
    this.#settings = settings;
    this.#lifetime = lifetime;
    this.#alarm = new Alarm(settings.clock, () => this.#onAlarm());
  }

  get ackWait(): number {
    return this.#settings.ackWait;
  }

  async submit({ taskId, name, body }: { taskId: string; name: string; body: Json }): Promise<void> {
    this.#lifetime.assertOpen('inbox.submit');
    const text = messageText({ taskId, name, body }, this.#settings);
    if (this.#requested.has(taskId)) return;
    this.#requested.add(taskId);
    this.#send({ kind: 'request', taskId, name }, text);
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
    this.#forgetEvents(now(this.#settings.clock));
    const key = eventKey(taskId, eventId);
    if (this.#events.has(key)) return { duplicate: true };
    this.#events.add(key);
    this.#send({ kind: 'event', taskId, name, eventId }, text);
    return { duplicate: false };
  }

  async take(
    { names, limit }: { names: readonly string[]; limit: number },
    onDelivery: (delivery: Delivery) => void,
  ): Promise<Subscription> {
    this.#lifetime.assertOpen('inbox.take');
    const queues = namesToTake(names, limit).map((name) => this.#queue(name));
    const taker = new Taker(limit, queues, onDelivery);
    this.#takers.add(taker);
    // Nobody listened to the alarm while there was no taker.
    this.#onAlarm();
    return this.#lifetime.subscription(async () => {
      this.#takers.remove(taker);
      if (this.#takers.count === 0) this.#alarm.clear();
    });
  }

  acknowledge(delivery: MemoryDelivery): void {
    this.#lifetime.assertOpen('delivery.acknowledge');
    if (!this.#release(delivery)) return;
    const { head } = delivery.letter;
    if (head.kind === 'request') {
      this.#requested.delete(head.taskId);
      return;
    }
    const at = now(this.#settings.clock);
    this.#acknowledged.push({ key: eventKey(head.taskId, head.eventId), at });
    this.#forgetEvents(at);
  }

  handBack(delivery: MemoryDelivery, until: number | undefined): void {
    this.#lifetime.assertOpen('delivery.handBack');
    assertTime(until);
    if (!this.#release(delivery)) return;
    const { letter } = delivery;
    if (until === undefined || until <= now(this.#settings.clock)) {
      this.#makeReady(letter);
      return;
    }
    this.#parked.push({ letter, until });
    this.#setAlarm(until);
  }

  keepAlive(delivery: MemoryDelivery): void {
    if (this.#held.remove(delivery)) this.#held.add(delivery, now(this.#settings.clock) + this.ackWait);
  }

  #send(head: MemoryLetter['head'], text: string): void {
    this.#sequence++;
    this.#makeReady({ sequence: this.#sequence, head, text, attempt: 0 });
  }

  #queue(name: string): ReadyQueue<MemoryLetter> {
    let queue = this.#queues.get(name);
    if (!queue) {
      queue = new ReadyQueue();
      this.#queues.set(name, queue);
    }
    return queue;
  }

  #makeReady(letter: MemoryLetter): void {
    this.#queue(letter.head.name).add(letter);
    this.#schedule();
  }

  /** Takes a letter out of a delivery's hands. Whether it was in them. */
  #release(delivery: MemoryDelivery): boolean {
    if (!this.#held.remove(delivery)) return false;
    delivery.taker.unsettled--;
    this.#schedule();
    return true;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#takers.count === 0) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#handOut();
    });
  }

  #handOut(): void {
    for (let handedOut = 0; handedOut < TURN; handedOut++) {
      const next = this.#takers.next();
      if (!next) return;
      this.#hand(next.letter, next.taker);
    }
    this.#schedule();
  }

  #hand(letter: MemoryLetter, taker: Taker<MemoryLetter>): void {
    letter.attempt++;
    const deadline = now(this.#settings.clock) + this.ackWait;
    const delivery = new HeldDelivery(letter, letter, taker, deadline, this);
    taker.unsettled++;
    this.#held.add(delivery, deadline);
    this.#setAlarm(deadline);
    taker.hand(delivery);
  }

  #setAlarm(deadline: number): void {
    if (this.#takers.count > 0) this.#alarm.set(deadline);
  }

  #onAlarm(): void {
    const at = now(this.#settings.clock);
    for (let delivery = this.#held.first(); delivery; delivery = this.#held.first()) {
      if (delivery.deadline > at) {
        this.#setAlarm(delivery.deadline);
        break;
      }
      this.#release(delivery);
      this.#makeReady(delivery.letter);
    }
    for (let first = this.#parked.peek(); first; first = this.#parked.peek()) {
      if (first.until > at) {
        this.#setAlarm(first.until);
        break;
      }
      this.#parked.pop();
      this.#makeReady(first.letter);
    }
    this.#schedule();
  }

  #forgetEvents(at: number): void {
    const { retention } = this.#settings;
    for (
      let head = this.#acknowledged.at(0);
      head && head.at + retention < at;
      head = this.#acknowledged.at(0)
    ) {
      this.#acknowledged.shift();
      this.#events.delete(head.key);
    }
  }
}

/** Neither id holds a line break. */
function eventKey(taskId: string, eventId: string): string {
  return `${taskId}\n${eventId}`;
}

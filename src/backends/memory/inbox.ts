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
import { MalformedError } from '../errors/malformed-error.ts';
import { jsonText } from '../json-text.ts';
import { assertForm, assertWhole } from '../names.ts';
import type { Delivery, Inbox, Json, Subscription } from '../port.ts';
import { Alarm } from './alarm.ts';
import { type Holdings, MemoryDelivery } from './delivery.ts';
import { Fifo } from './fifo.ts';
import { Heap } from './heap.ts';
import type { Lifetime } from './lifetime.ts';
import type { MemorySettings } from './options.ts';
import { type Letter, ReadyQueue } from './ready-queue.ts';
import { Taker } from './taker.ts';

/** How many letters are handed over in one turn of the event loop. */
const TURN = 512;

interface Parked {
  readonly letter: Letter;
  readonly until: number;
}

export class MemoryInbox implements Inbox, Holdings {
  readonly #settings: MemorySettings;
  readonly #lifetime: Lifetime;
  readonly #queues = new Map<string, ReadyQueue>();
  readonly #held = new Set<MemoryDelivery>();
  readonly #parked = new Heap<Parked>((a, b) => a.until < b.until);
  readonly #alarm: Alarm;
  /** Task ids whose request is not acknowledged. */
  readonly #requested = new Set<string>();
  /** Events that were sent, by task and id. */
  readonly #events = new Set<string>();
  /** Those of them whose message is gone, oldest first. */
  readonly #acknowledged = new Fifo<{ readonly key: string; readonly at: number }>();
  #takers: readonly Taker[] = [];
  #turn = 0;
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
    const text = this.#parse(taskId, name, body);
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
    const { taskId, name, eventId, body } = event;
    assertForm('id', eventId, 'eventId');
    const text = this.#parse(taskId, name, body);
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
    assertWhole(limit, 1, 'limit');
    if (names.length === 0) throw new MalformedError('names', '[]', 'one task name at least');
    for (const name of names) assertForm('taskName', name, 'name');
    const queues = [...new Set(names)].map((name) => this.#queue(name));
    const taker = new Taker(limit, queues, onDelivery);
    this.#takers = [...this.#takers, taker];
    // Nobody listened to the alarm while there was no taker.
    this.#onAlarm();
    return this.#lifetime.subscription(async () => {
      taker.isActive = false;
      this.#takers = this.#takers.filter((other) => other !== taker);
      if (this.#takers.length === 0) this.#alarm.clear();
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
    if (until !== undefined && !Number.isFinite(until)) {
      throw new MalformedError('until', until, 'a time in ms since the epoch');
    }
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
    if (!this.#held.delete(delivery)) return;
    delivery.deadline = now(this.#settings.clock) + this.ackWait;
    this.#held.add(delivery);
  }

  #parse(taskId: string, name: string, body: Json): string {
    assertForm('taskId', taskId, 'taskId');
    assertForm('taskName', name, 'name');
    return jsonText(body, 'body', {
      bytes: this.#settings.maxMessageBytes,
      remedy: 'Send a reference to a large value, or raise the option maxMessageBytes.',
    });
  }

  #send(head: Letter['head'], text: string): void {
    this.#sequence++;
    this.#makeReady({ sequence: this.#sequence, head, text, attempt: 0 });
  }

  #queue(name: string): ReadyQueue {
    let queue = this.#queues.get(name);
    if (!queue) {
      queue = new ReadyQueue();
      this.#queues.set(name, queue);
    }
    return queue;
  }

  #makeReady(letter: Letter): void {
    this.#queue(letter.head.name).add(letter);
    this.#schedule();
  }

  /** Takes a letter out of a delivery's hands. Whether it was in them. */
  #release(delivery: MemoryDelivery): boolean {
    if (!this.#held.delete(delivery)) return false;
    delivery.taker.unsettled--;
    this.#schedule();
    return true;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#takers.length === 0) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#handOut();
    });
  }

  /** Takers take turns, a letter each, until none of them has a place and a letter for it. */
  #handOut(): void {
    let handedOut = 0;
    for (let refusals = 0; refusals < this.#takers.length; ) {
      if (handedOut === TURN) {
        this.#schedule();
        return;
      }
      this.#turn = (this.#turn + 1) % this.#takers.length;
      const taker = this.#takers[this.#turn];
      const letter = taker?.next();
      if (taker && letter) {
        this.#hand(letter, taker);
        handedOut++;
        refusals = 0;
      } else refusals++;
    }
  }

  #hand(letter: Letter, taker: Taker): void {
    letter.attempt++;
    const deadline = now(this.#settings.clock) + this.ackWait;
    const delivery = new MemoryDelivery(letter, taker, deadline, this);
    this.#held.add(delivery);
    this.#setAlarm(deadline);
    taker.hand(delivery);
  }

  #setAlarm(deadline: number): void {
    if (this.#takers.length > 0) this.#alarm.set(deadline);
  }

  #onAlarm(): void {
    const at = now(this.#settings.clock);
    for (const delivery of this.#held) {
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

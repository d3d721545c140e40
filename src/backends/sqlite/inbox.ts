/**
 * Invariants:
 * - The file is the truth: what is stored, how often it was handed over, and until when it is parked. In memory are the
 *   deliveries in hands (their number is bounded by the takers' places) and a window a name that is taken.
 * - A message is handed over only once its attempt is durable: a message that kills its process is counted.
 * - A message is in one place at a time: parked or ready in the file, in its name's window, or in `#inHands`. It leaves
 *   the hands only when what its holder asked for is durable, or when it lapses.
 * - A taker's `unsettled` counts the deliveries that it holds, those on their way to it, and those that are being settled.
 * - Handing over passes through the writer, so at most once a turn of the event loop.
 */
import type { DatabaseSync } from 'node:sqlite';
import { now } from '../../../machines/clock.ts';
import { Alarm } from '../alarm.ts';
import { assertTime, messageText, namesToTake } from '../arguments.ts';
import { Held, HeldDelivery, type Holdings } from '../delivery.ts';
import type { Lifetime } from '../lifetime.ts';
import { assertForm } from '../names.ts';
import type { Delivery, Inbox, Json, Subscription } from '../port.ts';
import type { Letter } from '../ready-queue.ts';
import { reportFailure } from '../report.ts';
import { Taker, Takers } from '../takers.ts';
import { type Handed, MessageTable } from './message-table.ts';
import type { SqliteSettings } from './options.ts';
import { reading } from './statement.ts';
import { Window } from './window.ts';
import type { Writer } from './writer.ts';

/** How many letters are handed over, or made ready, in one transaction. */
const TURN = 512;

/** How long the inbox waits when the file cannot be written to, in ms. */
const RETRY_DELAY = 1_000;

/** A letter, and who is to have it. */
interface Picked {
  readonly letter: Letter;
  readonly taker: Taker<Letter>;
}

export class SqliteInbox implements Inbox, Holdings<Letter> {
  readonly #settings: SqliteSettings;
  readonly #lifetime: Lifetime;
  readonly #writer: Writer;
  readonly #table: MessageTable;
  readonly #takers = new Takers<Letter>();
  readonly #windows = new Map<string, Window>();
  readonly #held = new Held<Letter>();
  readonly #inHands = new Set<number>();
  readonly #alarm: Alarm;
  #isHandingOut = false;

  constructor(db: DatabaseSync, writer: Writer, settings: SqliteSettings, lifetime: Lifetime) {
    this.#settings = settings;
    this.#lifetime = lifetime;
    this.#writer = writer;
    this.#table = new MessageTable(db);
    this.#alarm = new Alarm(settings.clock, () => this.#onAlarm());
  }

  get ackWait(): number {
    return this.#settings.ackWait;
  }

  async submit({ taskId, name, body }: { taskId: string; name: string; body: Json }): Promise<void> {
    this.#lifetime.assertOpen('inbox.submit');
    const text = messageText({ taskId, name, body }, this.#settings);
    await this.#writer.write('inbox.submit', () =>
      this.#table.insert({ kind: 'request', taskId, name }, text),
    );
    this.#extend(name);
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
    const isNew = await this.#writer.write('inbox.deliver', () =>
      this.#table.insert({ kind: 'event', taskId, name, eventId }, text),
    );
    this.#extend(name);
    return { duplicate: !isNew };
  }

  async take(
    { names, limit }: { names: readonly string[]; limit: number },
    onDelivery: (delivery: Delivery) => void,
  ): Promise<Subscription> {
    this.#lifetime.assertOpen('inbox.take');
    const wanted = namesToTake(names, limit);
    const windows = reading('inbox.take', () => wanted.map((name) => this.#window(name)));
    const taker = new Taker(limit, windows, onDelivery);
    for (const window of windows) {
      window.takers++;
      this.#windows.set(window.name, window);
    }
    this.#takers.add(taker);
    // Nobody listened to the alarm while there was no taker.
    this.#onAlarm();
    return this.#lifetime.subscription(async () => {
      this.#takers.remove(taker);
      for (const window of windows) if (--window.takers === 0) this.#windows.delete(window.name);
      if (this.#takers.count === 0) this.#alarm.clear();
    });
  }

  acknowledge(delivery: HeldDelivery<Letter>): Promise<void> | undefined {
    this.#lifetime.assertOpen('delivery.acknowledge');
    const at = Math.floor(now(this.#settings.clock));
    return this.#settle(delivery, 'delivery.acknowledge', (letter) => this.#table.acknowledge(letter, at));
  }

  handBack(delivery: HeldDelivery<Letter>, until: number | undefined): Promise<void> | undefined {
    this.#lifetime.assertOpen('delivery.handBack');
    assertTime(until);
    if (until === undefined || until <= now(this.#settings.clock)) {
      // Ready is what it is in the file already.
      if (this.#held.remove(delivery)) this.#putBack(delivery);
      this.#handOut();
      return undefined;
    }
    const due = Math.min(Math.ceil(until), Number.MAX_SAFE_INTEGER);
    const settled = this.#settle(delivery, 'delivery.handBack', (letter) => this.#table.park(letter, due));
    return settled?.then(() => {
      const window = this.#windows.get(delivery.letter.head.name);
      if (!window) return;
      window.nextDue = Math.min(window.nextDue, due);
      this.#setAlarm(due);
    });
  }

  keepAlive(delivery: HeldDelivery<Letter>): void {
    if (this.#held.remove(delivery)) this.#hold(delivery);
  }

  /** Forgets acknowledged events whose retention is over. To be called in a transaction. @returns How many. */
  sweep(at: number, most: number): number {
    return this.#table.forgetEvents(at - this.#settings.retention, most);
  }

  #window(name: string): Window {
    return this.#windows.get(name) ?? new Window(name, this.#table, this.#inHands);
  }

  #extend(name: string): void {
    this.#windows.get(name)?.extend();
    this.#handOut();
  }

  #hold(delivery: HeldDelivery<Letter>): void {
    const deadline = now(this.#settings.clock) + this.ackWait;
    this.#held.add(delivery, deadline);
    this.#setAlarm(deadline);
  }

  /** Does what settles a delivery; if that fails, it is held as before. Nothing if it is not held. */
  #settle(
    delivery: HeldDelivery<Letter>,
    call: string,
    act: (letter: Letter) => void,
  ): Promise<void> | undefined {
    if (!delivery.settling && this.#held.remove(delivery)) {
      delivery.settling = this.#writer
        .write(call, () => act(delivery.letter))
        .then(
          () => {
            this.#letGo(delivery);
            this.#handOut();
          },
          (error) => {
            delivery.settling = undefined;
            this.#hold(delivery);
            throw error;
          },
        );
    }
    return delivery.settling;
  }

  #letGo({ letter, taker }: Picked): void {
    taker.unsettled--;
    this.#inHands.delete(letter.sequence);
  }

  #putBack(picked: Picked): void {
    this.#letGo(picked);
    this.#windows.get(picked.letter.head.name)?.putBack(picked.letter);
  }

  /** Hands out what takers have places for, unless that is under way; then it is done again after that. */
  #handOut(): void {
    if (this.#isHandingOut) return;
    const picked = this.#pick();
    if (picked.length === 0) return;
    this.#isHandingOut = true;
    this.#writer
      .write('inbox.take', () => picked.map(({ letter }) => this.#table.handOut(letter)))
      .then(
        (handed) => {
          for (const [index, one] of picked.entries()) this.#hand(one, handed[index]);
          this.#isHandingOut = false;
          this.#handOut();
        },
        (error) => {
          for (const one of picked) this.#putBack(one);
          this.#isHandingOut = false;
          this.#tryLater(error);
        },
      );
  }

  #pick(): Picked[] {
    const picked: Picked[] = [];
    try {
      while (picked.length < TURN) {
        const next = this.#takers.next();
        if (!next) break;
        next.taker.unsettled++;
        this.#inHands.add(next.letter.sequence);
        picked.push(next);
      }
    } catch (error) {
      this.#tryLater(error);
    }
    return picked;
  }

  #hand(picked: Picked, handed: Handed | undefined): void {
    const { letter, taker } = picked;
    if (handed && taker.isActive) {
      const delivery = new HeldDelivery(letter, handed, taker, 0, this);
      this.#hold(delivery);
      taker.hand(delivery);
    } else if (handed) {
      // Stopped meanwhile. Before anybody else gets it, its attempt is taken back.
      this.#writer
        .write('inbox.take', () => this.#table.takeBack(letter))
        .catch((error) => reportFailure('An attempt was counted that was none', error));
      this.#putBack(picked);
    } else this.#letGo(picked);
  }

  #setAlarm(deadline: number): void {
    if (this.#takers.count > 0) this.#alarm.set(deadline);
  }

  #tryLater(error: unknown): void {
    reportFailure('The inbox could not hand over messages; it tries again', error);
    this.#setAlarm(now(this.#settings.clock) + RETRY_DELAY);
  }

  #onAlarm(): void {
    const at = now(this.#settings.clock);
    for (let first = this.#held.first(); first; first = this.#held.first()) {
      if (first.deadline > at) {
        this.#setAlarm(first.deadline);
        break;
      }
      this.#held.remove(first);
      this.#putBack(first);
    }
    for (const window of this.#windows.values()) this.#wake(window, at);
    this.#handOut();
  }

  /** Makes ready what is due of a name, so many at a time. */
  #wake(window: Window, at: number): void {
    if (window.isWaking) return;
    if (window.nextDue > at) {
      if (window.nextDue < Number.POSITIVE_INFINITY) this.#setAlarm(window.nextDue);
      return;
    }
    window.isWaking = true;
    this.#writer
      .write('inbox.take', () => {
        const letters = this.#table.makeReady(window.name, at, TURN);
        return { letters, nextDue: this.#table.nextDue(window.name) };
      })
      .then(
        ({ letters, nextDue }) => {
          for (const letter of letters) this.#windows.get(window.name)?.putBack(letter);
          window.isWaking = false;
          window.nextDue = nextDue;
          if (window.takers > 0) this.#wake(window, now(this.#settings.clock));
          this.#handOut();
        },
        (error) => {
          window.isWaking = false;
          this.#tryLater(error);
        },
      );
  }
}

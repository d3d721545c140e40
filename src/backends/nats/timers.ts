/**
 * Messages of the inbox that were handed back until a time that is far. They lie in a stream of their own by slots of ten
 * seconds, `<prefix>.timers.<slot>.…`, and cost nothing until their slot comes; then they go back to the inbox.
 *
 * Invariants:
 * - T1. A message is in the timers before it leaves the inbox, and in the inbox before it leaves the timers. A crash between
 *   the two repeats the step; what is put back twice for the same time is one (its id says so), as long as the server knows
 *   ids. What comes twice for all that is a wake-up more.
 * - T2. Of which slots something waits is in a stream too, one message a slot, stored *after* what waits and removed only once
 *   nothing does: so each worker knows all slots, also those that came while it was away.
 * - T3. No message comes before its time. It comes within a second after it while no more are due than the rate allows:
 *   waking many at once must not starve what runs.
 * - T4. Any number of workers work on a slot: its consumer gives each message to one of them, and to another if that dies.
 *
 * A message comes back as a new one, behind what waits then: if it kept its place, ten thousand that are due at once would
 * come before everything else. How often it was handed over comes along.
 *
 * Ten seconds, because a slot's messages are pending at its consumer while it is open, and the server goes through all that
 * is pending: 1,000 a second are 10,000 a slot, of the 20,000 that cost little.
 */
import { headers as makeHeaders } from 'nats';
import { systemClock } from '../../../machines/clock.ts';
import { Alarm } from '../alarm.ts';
import type { Publication } from '../cursor.ts';
import type { Connection } from './connection.ts';
import { UnnamedReader } from './events-unnamed-reader.ts';
import type { NatsDelivery } from './inbox-hands.ts';
import type { InboxStreams } from './inbox-streams.ts';
import { inboxHeader } from './inbox-subjects.ts';
import type { NatsSettings } from './options.ts';
import { roomIn } from './payload.ts';
import { removeMessage } from './remove-message.ts';
import { type Streams, streamInfo } from './streams.ts';
import { RestoreRate } from './timers-rate.ts';
import { OpenSlot } from './timers-slot.ts';

const SLOT = 10_000;

/** How long before it begins a slot is opened, in ms: so that what is due at its beginning is known by then. */
const LEAD = 3_000;

/** How many slots that are over are open at a time, beside the one whose time it is: the earliest ones. */
const MOST_LATE = 4;

/** A slot that is nearer than this may be just being closed by somebody, in ms. */
const NEAR = 60_000;

/** How many announced slots are remembered. */
const MOST_ANNOUNCED = 10_000;

export interface TimersOptions {
  readonly connection: Connection;
  readonly streams: Streams;
  readonly names: InboxStreams;
  readonly settings: NatsSettings;
  /** How long a slot is, in ms: the same for all workers. @default 10_000 */
  readonly slot?: number;
}

/** A message, and whose hands it leaves. */
type Parked = Pick<NatsDelivery, 'letter' | 'attempt' | 'sequence'>;

export class Timers {
  readonly #options: TimersOptions;
  readonly #rate: RestoreRate;
  readonly #length: number;
  /** The slots of which something waits, and where that is said. */
  readonly #slots = new Map<number, number>();
  readonly #open = new Map<number, OpenSlot>();
  readonly #announced = new Set<number>();
  readonly #alarm = new Alarm(systemClock, () => this.#openSlots());
  #reader: UnnamedReader | undefined;

  constructor(options: TimersOptions) {
    this.#options = options;
    this.#length = options.slot ?? SLOT;
    this.#rate = new RestoreRate(options.settings.restoresPerSecond);
  }

  /** Whether a message fits in here: others than we may put larger ones into the inbox. */
  takes({ letter: { text } }: Parked): boolean {
    return Buffer.byteLength(text) <= roomIn(this.#options.connection.maxPayload);
  }

  /** Stores a message until its time. Resolves once it is here: then it may leave the inbox. @throws {UnavailableError} */
  async add(
    call: string,
    { letter: { head, text }, attempt, sequence }: Parked,
    until: number,
  ): Promise<void> {
    const { connection, streams, settings } = this.#options;
    const slot = Math.floor(until / this.#length);
    // Each handing back is a message of its own, also of the same message: what is not taken back in time is a wake-up more.
    const origin = `${sequence}-${attempt}`;
    const headers = makeHeaders();
    headers.set(inboxHeader.until, String(until));
    headers.set(inboxHeader.attempts, String(attempt));
    if (head.kind === 'event') headers.set(inboxHeader.eventId, encodeURIComponent(head.eventId));
    const subject = `${settings.prefix}.timers.${slot}.${head.name}.${head.taskId}.${origin}`;
    headers.set('Nats-Msg-Id', subject);
    await streams.guard(call, async () => {
      await connection.publish(call, subject, text, headers);
      await this.#announce(call, slot);
    });
  }

  /** From then on messages whose time has come go back to the inbox. */
  async start(): Promise<void> {
    if (this.#reader) return;
    const { connection, streams, names, settings } = this.#options;
    this.#reader = new UnnamedReader({
      connection,
      stream: names.slots.name,
      filter: undefined,
      matches: () => true,
      start: 'all',
      inboxPrefix: settings.inboxPrefix,
      repair: () => streams.repair(),
      handle: async (message) => this.#onAnnouncement(message),
    });
    this.#rate.start();
    try {
      await this.#reader.open();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#alarm.clear();
    this.#rate.stop();
    const reader = this.#reader;
    const open = [...this.#open.values()];
    // At once: they may be started again before all has stopped.
    this.#reader = undefined;
    this.#open.clear();
    this.#slots.clear();
    await Promise.all([reader?.stop(), ...open.map((slot) => slot.stop())]);
  }

  async #announce(call: string, slot: number): Promise<void> {
    const isFar = slot * this.#length - Date.now() > NEAR;
    if (isFar && this.#announced.has(slot)) return;
    const { connection, settings } = this.#options;
    await connection.publish(call, `${settings.prefix}.slots.${slot}`, 'null');
    if (this.#announced.size >= MOST_ANNOUNCED) this.#announced.clear();
    this.#announced.add(slot);
  }

  #onAnnouncement({ subject, sequence }: Publication): true {
    const slot = Number(subject.split('.').at(-1));
    if (Number.isSafeInteger(slot)) {
      this.#slots.set(slot, sequence);
      this.#openSlots();
    }
    return true;
  }

  #openSlots(): void {
    if (!this.#reader) return;
    const waiting = [...this.#slots.keys()].filter((slot) => !this.#open.has(slot)).sort((a, b) => a - b);
    for (const slot of waiting) {
      const opening = slot * this.#length - LEAD;
      if (opening > Date.now()) {
        this.#alarm.set(opening);
        return;
      }
      if (
        this.#isOver(slot) &&
        [...this.#open.keys()].filter((open) => this.#isOver(open)).length >= MOST_LATE
      )
        continue;
      this.#openSlot(slot);
    }
  }

  #openSlot(slot: number): void {
    const open = new OpenSlot({
      ...this.#options,
      slot,
      rate: this.#rate,
      onIdle: async () => {
        return this.#isOver(slot) && (await this.#close(slot, open));
      },
    });
    this.#open.set(slot, open);
    open.start();
  }

  #isOver(slot: number): boolean {
    return Date.now() > (slot + 1) * this.#length;
  }

  /** Closes a slot that is over, if nothing waits there. @returns Whether it was closed. @throws {UnavailableError} */
  async #close(slot: number, open: OpenSlot): Promise<boolean> {
    const { connection, names, settings } = this.#options;
    // In this order: whatever comes meanwhile is behind `last`, and is announced again after that.
    const announcement = this.#slots.get(slot);
    const last = (await streamInfo(connection, names.timers.name))?.state.last_seq ?? 0;
    if (!(await open.isEmpty())) return false;
    // What a server that was killed has forgotten to remove.
    await connection.api('inbox.take', `STREAM.PURGE.${names.timers.name}`, {
      filter: `${settings.prefix}.timers.${slot}.>`,
      seq: last + 1,
    });
    if (announcement !== undefined) {
      await removeMessage('inbox.take', connection, names.slots.name, announcement);
      if (this.#slots.get(slot) === announcement) this.#slots.delete(slot);
    }
    await open.stop({ isOver: true });
    if (this.#open.get(slot) === open) this.#open.delete(slot);
    this.#openSlots();
    return true;
  }
}

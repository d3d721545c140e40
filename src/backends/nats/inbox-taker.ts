/**
 * Somebody who takes messages of some names from the inbox.
 *
 * Invariants:
 * - What is unsettled and what is asked for is never more than the limit: the bound is the taker's places, and no message
 *   waits here that another worker has a place for.
 * - Every name is asked for. While there are fewer free places than names, they take turns at them, in short requests.
 * - A name that has much gets the places that others leave; one that has nothing keeps one place asked for.
 * - One whose consumer is in trouble is asked for again once it has been put back; nobody waits for that name to tell it.
 */
import type { Msg } from 'nats';
import type { Delivery } from '../port.ts';
import { reportFailure, reportThrown } from '../report.ts';
import type { Connection } from './connection.ts';
import type { DeliveryInfo } from './delivery-info.ts';
import { Pull } from './pull.ts';

/** How long the server waits for messages at most, in ms. */
const LONGEST_REQUEST = 5_000;

/** The same while names take turns: how long a name waits at most for its turn, a name before it. */
const TURN = 100;

/** The same of a consumer that was in trouble, in ms: one that is not there says nothing. */
const DOUBTFUL = 500;

/** How long a name in trouble waits, in ms: at first, because a server tells that a consumer is gone before it is. */
const SETTLING = 250;
const RETRY_DELAY = 1_000;

interface Source {
  readonly name: string;
  readonly pull: Pull;
  /** How many are asked for, if there are places. */
  appetite: number;
  isInTrouble: boolean;
  /** Whether its consumer was put back and has not been heard of since: the next request is to show soon. */
  isDoubtful: boolean;
}

export interface TakerOptions {
  readonly names: readonly string[];
  readonly limit: number;
  readonly onDelivery: (delivery: Delivery) => void;
  readonly connection: Connection;
  readonly stream: string;
  readonly inboxPrefix: string;
  readonly ackWait: number;
  /** Puts the consumer of a name, and the inbox, back where they are missing. */
  readonly provide: (name: string) => Promise<void>;
  /** A message came: it is to be settled, and takes a place until it is. */
  readonly onMessage: (taker: NatsTaker, message: Msg, info: DeliveryInfo) => void;
}

export class NatsTaker {
  readonly #limit: number;
  readonly #expires: number;
  readonly #onDelivery: (delivery: Delivery) => void;
  readonly #connection: Connection;
  readonly #provide: (name: string) => Promise<void>;
  readonly #sources: readonly Source[];
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #stopListening: () => void;
  #unsettled = 0;
  #isActive = true;
  #isScheduled = false;
  #turn = 0;

  constructor(options: TakerOptions) {
    const { names, limit, onDelivery, connection, stream, inboxPrefix, provide, onMessage } = options;
    this.#limit = limit;
    // Over well before what a worker that is frozen holds goes to others: or the server would send it to that one again.
    this.#expires = Math.min(Math.ceil(options.ackWait / 2), LONGEST_REQUEST);
    this.#onDelivery = onDelivery;
    this.#connection = connection;
    this.#provide = provide;
    this.#sources = names.map((name) => {
      const source: Source = {
        name,
        appetite: names.length === 1 ? limit : 1,
        isInTrouble: false,
        isDoubtful: false,
        pull: new Pull(
          connection,
          { stream, consumer: name, inboxPrefix },
          {
            onMessage: (message, info) => onMessage(this, message, info),
            onEnd: (asked, missing, trouble) => this.#onEnd(source, asked, missing, trouble),
          },
        ),
      };
      return source;
    });
    this.#stopListening = connection.onChange(() => this.#schedule());
    this.#schedule();
  }

  /** Whether one more may be handed over. */
  get hasPlace(): boolean {
    return this.#isActive && this.#unsettled < this.#limit;
  }

  takePlace(): void {
    this.#unsettled++;
  }

  freePlace(): void {
    this.#unsettled--;
    this.#schedule();
  }

  /** What the callback throws is reported; the delivery is then held until it lapses, as if its holder hung. */
  hand(delivery: Delivery): void {
    try {
      this.#onDelivery(delivery);
    } catch (error) {
      reportThrown('inbox.take', error);
    }
  }

  /** From the call on it has no places. Resolves when no message can come any more. */
  async stop(): Promise<void> {
    this.#isActive = false;
    this.#stopListening();
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#sources.map(({ pull }) => pull.stop()));
  }

  /** Asks, once in a turn of the event loop, for what there are places for. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (this.#isActive && this.#connection.isConnected) this.#ask();
    });
  }

  #ask(): void {
    const waiting = this.#inTurn().filter(({ pull, isInTrouble }) => pull.requested === 0 && !isInTrouble);
    let free = this.#limit - this.#unsettled;
    for (const { pull } of this.#sources) free -= pull.requested;
    const expires = free < this.#sources.length && this.#sources.length > 1 ? TURN : this.#expires;
    let others = waiting.length;
    for (const { pull, appetite, isDoubtful } of waiting) {
      if (free <= 0) return;
      others--;
      const count = Math.max(1, Math.min(appetite, free - others));
      free -= count;
      this.#turn++;
      pull.ask(count, isDoubtful ? Math.min(expires, DOUBTFUL) : expires);
    }
  }

  /** The sources, beginning with the one whose turn it is. */
  #inTurn(): readonly Source[] {
    const first = this.#turn % this.#sources.length;
    return [...this.#sources.slice(first), ...this.#sources.slice(0, first)];
  }

  #onEnd(source: Source, asked: number, missing: number, trouble: string | undefined): void {
    if (this.#sources.length > 1) {
      source.appetite = missing === 0 ? Math.min(asked * 2, this.#limit) : Math.max(1, asked - missing);
    }
    source.isDoubtful = trouble !== undefined;
    // A lost connection is told of by itself, and asked again when it is back.
    if (trouble !== undefined && this.#connection.isConnected) void this.#mend(source, trouble);
    else this.#schedule();
  }

  async #mend(source: Source, trouble: string): Promise<void> {
    source.isInTrouble = true;
    for (let delay = SETTLING; ; delay = RETRY_DELAY) {
      await this.#sleep(delay);
      if (!this.#isActive) return;
      try {
        await this.#provide(source.name);
        break;
      } catch (error) {
        const what = `The inbox cannot take messages for ${source.name} now (${trouble}); it tries again`;
        if (this.#connection.isConnected) reportFailure(what, error);
      }
    }
    source.isInTrouble = false;
    this.#schedule();
  }

  /** Never resolves once it is stopped. */
  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        resolve();
      }, ms);
      this.#timers.add(timer);
    });
  }
}

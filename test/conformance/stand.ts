/** What a test of the suite stands on: a backend of its own, the time it lives by, and ways to await what comes. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { vi } from 'vitest';
import { SimulatedClock } from 'xstate';
import { type Clock, now, systemClock } from '../../machines/clock.ts';
import type { Backend } from '../../src/backends/index.ts';

/** What a backend under test is made with. All of it is to be kept, or tests of it fail. */
export interface Settings {
  /** A `SimulatedClock` where the backend has {@link Traits.virtualTime}. */
  readonly clock: Clock;
  /** In ms. */
  readonly ackWait: number;
  /** In ms. */
  readonly retention: number;
  readonly maxMessageBytes: number;
  readonly maxBlobBytes: number;
  readonly streams: Readonly<Record<string, readonly string[]>>;
}

/**
 * Opens a backend.
 *
 * @param place `[a-z0-9-]+`. Where it keeps what it keeps: with a new one there is nothing in it, with the same one there is
 *   what was there when it was closed.
 */
export type MakeBackend = (settings: Settings, place: string) => Backend | Promise<Backend>;

export interface Traits {
  /**
   * It tells all time by `settings.clock`. Without it the suite waits for real, and leaves out what takes days
   * (retention, waits of any length).
   */
  readonly virtualTime: boolean;
  /** It keeps what it keeps beyond `close()`. @default false */
  readonly reopens?: boolean;
}

export interface Stand extends AsyncDisposable {
  readonly backend: Backend;
  readonly settings: Settings;
  /** Closes the backend, lets time pass, and opens another in its place: that one is {@link backend} from then on. */
  reopen(ms?: number): Promise<Backend>;
  /** In ms since the epoch. */
  now(): number;
  /** Lets what is under way happen, time pass, and what follows from that happen. @param ms Of the backend's time. */
  pass(ms: number): Promise<void>;
  /** Long enough for what must not come to have come. */
  quiet(): Promise<void>;
}

export type Open = () => Promise<Stand>;

/** What is to go after retention is gone a day later at the latest. In ms. */
export const DAY = 24 * 60 * 60 * 1000;

const START = Date.UTC(2026, 0, 1);

export async function openStand(makeBackend: MakeBackend, { virtualTime }: Traits): Promise<Stand> {
  const simulated = new SimulatedClock();
  simulated.increment(START);
  const settings: Settings = {
    clock: virtualTime ? simulated : systemClock,
    ackWait: virtualTime ? 30_000 : 1_500,
    retention: 7 * DAY,
    maxMessageBytes: 64 * 1024,
    maxBlobBytes: 256 * 1024,
    streams: { ORDERS: ['orders.>'], TASKCHART_EVENTS: ['taskchart.events.>'] },
  };
  const place = randomUUID();
  let backend = await makeBackend(settings, place);
  const quiet = async (): Promise<void> => {
    if (!virtualTime) await sleep(150);
    else for (let turns = 0; turns < 10; turns++) await turn();
  };
  return {
    get backend() {
      return backend;
    },
    settings,
    reopen: async (ms = 0) => {
      await backend.close();
      if (virtualTime) simulated.increment(ms);
      else await sleep(ms);
      backend = await makeBackend(settings, place);
      return backend;
    },
    now: () => now(settings.clock),
    pass: async (ms) => {
      await quiet();
      if (virtualTime) simulated.increment(ms);
      else await sleep(ms);
      await quiet();
    },
    quiet,
    [Symbol.asyncDispose]: () => backend.close(),
  };
}

/** Collects what comes to a callback, for a test to await. */
export class Arrivals<T> {
  /** All that has come, taken or not. */
  readonly all: T[] = [];
  #taken = 0;
  #onArrival = Promise.withResolvers<void>();

  readonly push = (item: T): void => {
    this.all.push(item);
    this.#onArrival.resolve();
    this.#onArrival = Promise.withResolvers<void>();
  };

  /** How many came that nobody has taken. */
  get waiting(): number {
    return this.all.length - this.#taken;
  }

  async next(): Promise<T> {
    for (;;) {
      if (this.waiting > 0) return this.all[this.#taken++] as T;
      await this.#onArrival.promise;
    }
  }

  async take(count: number): Promise<T[]> {
    const items: T[] = [];
    while (items.length < count) items.push(await this.next());
    return items;
  }
}

/** The warnings of the process from now to the end of the test, kept from its standard error. */
export function warnings(): Arrivals<string> {
  const arrivals = new Arrivals<string>();
  vi.spyOn(process, 'emitWarning').mockImplementation((warning) => arrivals.push(String(warning)));
  return arrivals;
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

/** A JSON text of so many bytes, as a string value has it. */
export function stringOf(bytes: number): string {
  return 'x'.repeat(bytes - 2);
}

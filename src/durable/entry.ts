import type { StateValue } from 'xstate';
import type { Json } from '../../machines/json.ts';
import type { ResultType } from './xstate-internals.ts';

/**
 * The entries of a journal: each is one thing that came to a machine from outside the charts. They are the truth, and
 * outlive versions of this code: their form is added to, never changed.
 *
 * Types with a dot in them (`task.noted`) belong to others who write into the same journal; they are passed over.
 */
export type Entry = Began | Arrival | Rested | Ended;

/** What an effect's actor, a timer or the outside brings. */
export type Arrival = EventArrival | ResultArrival | ThrewArrival | TimerArrival;

/** How an actor stood, for comparison on replay. */
export interface Standing {
  readonly value?: StateValue;
  /** Left out while active. */
  readonly status?: string;
  /** A hash of its context, where that is asked for. */
  readonly context?: string;
}

/** How the actors stood before an entry, by address: those to which something came since the last note. */
export type Note = Readonly<Record<string, Standing>>;

interface At {
  /** When it came, in ms since the epoch: the time that the charts live by. */
  readonly at: number;
}

interface Noting extends At {
  /** In the first entry of each commit. */
  readonly note?: Note;
}

/** A fold begins. A second one in a journal begins anew, perhaps with another version and with results in its input. */
export interface Began extends At {
  readonly type: 'began';
  /** The machine's id. */
  readonly machine: string;
  readonly version?: string;
  /** A hash of the machine's chart: it explains a mismatch, and decides nothing. */
  readonly chart: string;
  readonly input?: Json;
  /** What whoever began it keeps here; not looked at. */
  readonly meta?: Json;
}

/** An event sent in: by the outside, or by an effect (`from`) to another actor. */
export interface EventArrival extends Noting {
  readonly type: 'event';
  readonly to: string;
  readonly from?: string;
  readonly event: Json;
  /** Of the sender's choice: an event with an id that the journal has already is not taken again. */
  readonly id?: string;
}

/** What an effect came to: its result, its failure, or, of an observable, a value. */
export interface ResultArrival extends Noting {
  readonly type: ResultType;
  readonly of: string;
  /** Left out where it is undefined. */
  readonly data?: Json;
}

/** An effect failed in a way that XState has no event for: it threw when it was started, or at an event. */
export interface ThrewArrival extends Noting {
  readonly type: 'threw';
  readonly of: string;
  readonly error: Json;
}

/** A timer fired. */
export interface TimerArrival extends Noting {
  readonly type: 'timer';
  /** Whose. */
  readonly of: string;
  readonly timer: string;
  /** Which of the actor's timers of that id, counted from 1. @default 1 */
  readonly nth?: number;
}

/** A closing note: the actor leaves memory in order. */
export interface Rested extends Noting {
  readonly type: 'rested';
  /** Where nothing but events and timers could move it. */
  readonly waits?: Waits;
}

/** What an actor waits for that nothing but events and timers can move. */
export interface Waits {
  /** The deadline of its next timer, in ms since the epoch; left out where it has none. */
  readonly until?: number;
}

/** The machine has come to its end. */
export interface Ended extends Noting {
  readonly type: 'ended';
  readonly status: 'done' | 'error' | 'stopped';
}

const OWN: ReadonlySet<string> = new Set<Entry['type']>([
  'began',
  'event',
  'resolved',
  'rejected',
  'next',
  'failed',
  'completed',
  'threw',
  'timer',
  'rested',
  'ended',
]);

/** An entry as it was read; `other` if it belongs to someone else, `unknown` if nobody here knows its type. */
export function readEntry(json: Json | undefined): Entry | 'other' | 'unknown' {
  const type = typeof json === 'object' && json !== null && 'type' in json ? json.type : undefined;
  if (typeof type !== 'string') return 'unknown';
  if (type.includes('.')) return 'other';
  return OWN.has(type) ? (json as unknown as Entry) : 'unknown';
}

/** For a person: what an entry brought, and to whom. */
export function describeEntry(entry: Entry): string {
  switch (entry.type) {
    case 'began':
      return `began with machine "${entry.machine}"`;
    case 'event': {
      const { type } = entry.event as { type?: unknown };
      return `event "${String(type)}" to ${describeActor(entry.to)}`;
    }
    case 'timer':
      return `timer "${entry.timer}" of ${describeActor(entry.of)}`;
    case 'threw':
      return `a throw of ${describeActor(entry.of)}`;
    case 'rested':
    case 'ended':
      return entry.type;
    default:
      return `"${entry.type}" of ${describeActor(entry.of)}`;
  }
}

export function describeActor(address: string): string {
  return address === '' ? 'the machine' : `actor "${address}"`;
}

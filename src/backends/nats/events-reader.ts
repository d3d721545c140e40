/** What the two kinds of readers of a stream have in common. */
import type { Publication } from '../cursor.ts';
import type { Matcher } from '../subject.ts';
import type { Connection } from './connection.ts';
import type { ConsumerConfig } from './consumers.ts';
import { streamInfo } from './streams.ts';

/** Reads one stream for one subscription. */
export interface Reader {
  /** Resolves once nothing that is stored from then on is missed. */
  open(): Promise<void>;
  /** Resolves when no handler is running any more. */
  stop(): Promise<void>;
}

export interface ReaderOptions {
  readonly connection: Connection;
  readonly stream: string;
  /** What is asked for of the stream; nothing if it is asked for all. */
  readonly filter: string | undefined;
  /** What the subscription takes. */
  readonly matches: Matcher;
  readonly start: 'new' | 'all';
  readonly inboxPrefix: string;
  /** Puts the stream back where it is missing. */
  readonly repair: () => Promise<void>;
  /** Hands a message over, one at a time over all streams of the subscription. @returns Whether it was handled; nothing if that was not begun. */
  readonly handle: (message: Publication) => Promise<boolean | undefined>;
}

/** How long the server waits for messages, in ms. */
export const EXPIRES = 5_000;

/** How long a reader in trouble waits, and a named subscriber's failed message, in ms. */
export const RETRY_DELAY = 1_000;

/** How far a reader has come in a stream. */
export interface Position {
  /** The last message that it has dealt with. */
  readonly sequence: number;
  /** When the stream was made: in another of the same name, sequences begin anew. */
  readonly created: string;
}

/** A position in the stream as it is now. */
export async function positionIn(
  connection: Connection,
  stream: string,
  sequence: number,
): Promise<Position> {
  const info = await streamInfo(connection, stream);
  return { sequence, created: info?.created ?? '' };
}

/** The same position, or the beginning if the stream was made anew. */
export async function positionNow(
  connection: Connection,
  stream: string,
  { sequence, created }: Position,
): Promise<Position> {
  const now = await positionIn(connection, stream, sequence);
  return now.created === created ? now : { ...now, sequence: 0 };
}

/** How a consumer begins behind a position. */
export function behind({ sequence }: Position): Pick<ConsumerConfig, 'deliver_policy' | 'opt_start_seq'> {
  return sequence === 0
    ? { deliver_policy: 'all' }
    : { deliver_policy: 'by_start_sequence', opt_start_seq: sequence + 1 };
}

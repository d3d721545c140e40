/** What the two kinds of readers of a stream have in common. */
import type { Publication } from '../cursor.ts';
import type { Matcher } from '../subject.ts';
import type { Connection } from './connection.ts';
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

/** Where a consumer begins behind a position; all of a stream that was made anew meanwhile is behind it. */
export async function beginBehind(connection: Connection, stream: string, position: number) {
  const info = await streamInfo(connection, stream);
  if (position === 0 || !info || info.state.last_seq < position) return { deliver_policy: 'all' } as const;
  return { deliver_policy: 'by_start_sequence', opt_start_seq: position + 1 } as const;
}

import type { DatabaseSync } from 'node:sqlite';
import type { Head, Letter } from '../ready-queue.ts';
import { Sequence } from './marks.ts';
import { Statement } from './statement.ts';

interface HeadRow {
  readonly sequence: number;
  readonly task_id: string;
  readonly event_id: string;
}

/** What the hand-over of a message needs beside its letter. */
export interface Handed {
  readonly attempt: number;
  readonly text: string;
}

/** How a request is told from an event: no event has this id. */
const REQUEST = '';

/**
 * The messages in the file. What writes is to be called in a transaction.
 *
 * Invariant: `due` is NULL in all that is ready or was handed over, so that what the process held when it died is ready
 * when the file is opened again.
 */
export class MessageTable {
  readonly #sequence: Sequence;
  readonly #insert: Statement;
  readonly #ready: Statement<HeadRow>;
  readonly #nextDue: Statement<{ due: number }>;
  readonly #makeReady: Statement<HeadRow>;
  readonly #handOut: Statement<Handed>;
  readonly #takeBack: Statement;
  readonly #park: Statement;
  readonly #remove: Statement;
  readonly #wasAcknowledged: Statement<{ at: number }>;
  readonly #rememberEvent: Statement;
  readonly #forgetEvents: Statement;

  constructor(db: DatabaseSync) {
    this.#sequence = new Sequence(db, 'messages');
    this.#insert = new Statement(
      db,
      'INSERT INTO messages VALUES (?, ?, ?, ?, 0, NULL, ?) ON CONFLICT (task_id, event_id) DO NOTHING',
    );
    this.#ready = new Statement(
      db,
      `SELECT sequence, task_id, event_id FROM messages
       WHERE name = ? AND due IS NULL AND sequence > ? ORDER BY sequence LIMIT ?`,
    );
    this.#nextDue = new Statement(
      db,
      'SELECT due FROM messages WHERE name = ? AND due IS NOT NULL ORDER BY due LIMIT 1',
    );
    this.#makeReady = new Statement(
      db,
      `UPDATE messages SET due = NULL WHERE sequence IN
         (SELECT sequence FROM messages WHERE name = ? AND due <= ? ORDER BY due LIMIT ?)
       RETURNING sequence, task_id, event_id`,
    );
    this.#handOut = new Statement(
      db,
      'UPDATE messages SET attempt = attempt + 1 WHERE sequence = ? RETURNING attempt, body AS text',
    );
    this.#takeBack = new Statement(db, 'UPDATE messages SET attempt = attempt - 1 WHERE sequence = ?');
    this.#park = new Statement(db, 'UPDATE messages SET due = ? WHERE sequence = ?');
    this.#remove = new Statement(db, 'DELETE FROM messages WHERE sequence = ?');
    this.#wasAcknowledged = new Statement(
      db,
      'SELECT at FROM acknowledged_events WHERE task_id = ? AND event_id = ?',
    );
    this.#rememberEvent = new Statement(
      db,
      `INSERT INTO acknowledged_events VALUES (?, ?, ?)
       ON CONFLICT (task_id, event_id) DO UPDATE SET at = excluded.at`,
    );
    this.#forgetEvents = new Statement(
      db,
      `DELETE FROM acknowledged_events WHERE (task_id, event_id) IN
         (SELECT task_id, event_id FROM acknowledged_events WHERE at < ? ORDER BY at LIMIT ?)`,
    );
  }

  /** Whether it was stored: it was not there, nor (of an event) was it acknowledged lately. */
  insert(head: Head, text: string): boolean {
    const eventId = head.kind === 'event' ? head.eventId : REQUEST;
    if (head.kind === 'event' && this.#wasAcknowledged.get(head.taskId, eventId)) return false;
    return this.#insert.run(this.#sequence.next(), head.taskId, eventId, head.name, text) > 0;
  }

  /** The first letters behind a sequence that are not parked, in the order in which they were sent; also those in hands. */
  ready(name: string, after: number, most: number): Letter[] {
    return this.#ready.all(name, after, most).map((row) => letterOf(row, name));
  }

  /** When the first of the parked is due, in ms since the epoch. */
  nextDue(name: string): number {
    return this.#nextDue.get(name)?.due ?? Number.POSITIVE_INFINITY;
  }

  /** Makes ready what is due, the first so many. */
  makeReady(name: string, at: number, most: number): Letter[] {
    return this.#makeReady.all(name, at, most).map((row) => letterOf(row, name));
  }

  /** Counts an attempt. Nothing if the message is gone. */
  handOut({ sequence }: Letter): Handed | undefined {
    return this.#handOut.get(sequence);
  }

  /** It was not handed over after all. */
  takeBack({ sequence }: Letter): void {
    this.#takeBack.run(sequence);
  }

  park({ sequence }: Letter, due: number): void {
    this.#park.run(due, sequence);
  }

  acknowledge({ sequence, head }: Letter, at: number): void {
    this.#remove.run(sequence);
    if (head.kind === 'event') this.#rememberEvent.run(head.taskId, head.eventId, at);
  }

  /** Forgets events that were acknowledged before a time. @returns How many. */
  forgetEvents(before: number, most: number): number {
    return this.#forgetEvents.run(before, most);
  }
}

function letterOf({ sequence, task_id: taskId, event_id: eventId }: HeadRow, name: string): Letter {
  const head: Head =
    eventId === REQUEST ? { kind: 'request', taskId, name } : { kind: 'event', taskId, name, eventId };
  return { sequence, head };
}

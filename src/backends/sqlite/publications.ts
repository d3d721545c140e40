import type { DatabaseSync } from 'node:sqlite';
import type { Look, Publication, PublicationLog } from '../cursor.ts';
import type { OutgoingMessage, PublishAck } from '../port.ts';
import { isExact, type Matcher } from '../subject.ts';
import { Sequence } from './marks.ts';
import { Statement } from './statement.ts';

/** How many messages a look goes by at most, so that it does not hold up the event loop. */
const LOOK = 2_000;

interface PublicationRow extends Omit<Publication, 'order'> {}

/**
 * What was published, in the file. What writes is to be called in a transaction.
 *
 * Invariant: the sequence is one for all streams, so that it is the order too; within a stream it has gaps.
 */
export class Publications implements PublicationLog {
  /** Of what is durable. */
  end: number;
  readonly #sequence: Sequence;
  readonly #insert: Statement;
  readonly #byId: Statement<{ sequence: number; stream: string }>;
  readonly #bySubject: Statement<{ sequence: number; stream: string }>;
  readonly #first: Statement<{ sequence: number | null }>;
  readonly #lookExactly: Statement<PublicationRow>;
  readonly #look: Statement<PublicationRow>;
  readonly #remove: Statement;
  #beforeFirst: number;

  constructor(db: DatabaseSync) {
    this.#sequence = new Sequence(db, 'published');
    this.end = this.#sequence.last;
    this.#insert = new Statement(db, 'INSERT INTO published VALUES (?, ?, ?, ?, ?, ?)');
    this.#byId = new Statement(db, 'SELECT sequence, stream FROM published WHERE id = ? AND subject = ?');
    this.#bySubject = new Statement(
      db,
      'SELECT sequence, stream FROM published WHERE subject = ? ORDER BY sequence LIMIT 1',
    );
    this.#first = new Statement(db, 'SELECT min(sequence) AS sequence FROM published');
    const columns = 'sequence, subject, id, stream, at, body AS text';
    this.#lookExactly = new Statement(
      db,
      `SELECT ${columns} FROM published WHERE subject = ? AND sequence > ? ORDER BY sequence LIMIT 1`,
    );
    this.#look = new Statement(
      db,
      `SELECT ${columns} FROM published
       WHERE sequence > ? AND sequence <= ? AND +subject GLOB ? ORDER BY sequence`,
    );
    this.#remove = new Statement(
      db,
      `DELETE FROM published WHERE sequence IN
         (SELECT sequence FROM (SELECT sequence, at FROM published ORDER BY sequence LIMIT ?) WHERE at < ?)`,
    );
    this.#beforeFirst = this.#readBeforeFirst();
  }

  /** The last order that was given, durable or not. */
  get last(): number {
    return this.#sequence.last;
  }

  /** Stores a message, unless it would repeat one. */
  insert(
    { subject, id, once }: Omit<OutgoingMessage, 'body'>,
    stream: string,
    at: number,
    text: string,
  ): PublishAck {
    const original = once ? this.#bySubject.get(subject) : this.#byId.get(id, subject);
    if (original) return { stream: original.stream, sequence: original.sequence, duplicate: true };
    const sequence = this.#sequence.next();
    this.#insert.run(sequence, subject, id, stream, at, text);
    return { stream, sequence, duplicate: false };
  }

  /** @throws {SqliteError} */
  look(filter: string, matches: Matcher, position: number): Look {
    if (isExact(filter)) {
      return { message: publication(this.#lookExactly.get(filter, position)), upTo: this.end };
    }
    const from = Math.max(position, this.#beforeFirst);
    const upTo = Math.min(from + LOOK, this.end);
    // A filter as a pattern takes all that the filter takes, and some more: there, `*` stands for dots too.
    const pattern = filter.replace(/>$/, '*');
    const rows = this.#look.allUntil(({ subject }) => matches(subject), from, upTo, pattern);
    return { message: publication(rows.find(({ subject }) => matches(subject))), upTo };
  }

  /** Removes the oldest that were stored before a time. @returns How many it removed. */
  sweep(before: number, most: number): number {
    const removed = this.#remove.run(most, before);
    if (removed > 0) this.#sequence.remember();
    return removed;
  }

  /** To be called once a removal is durable. */
  onSwept(): void {
    this.#beforeFirst = this.#readBeforeFirst();
  }

  #readBeforeFirst(): number {
    return (this.#first.get()?.sequence ?? this.#sequence.last + 1) - 1;
  }
}

function publication(row: PublicationRow | undefined): Publication | undefined {
  return row && { ...row, order: row.sequence };
}

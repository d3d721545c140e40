/**
 * The part of one name's ready messages that is in memory, as heads, while somebody takes that name.
 *
 * Invariants:
 * - Every ready message up to `#upTo` is in the window or in somebody's hands, none behind it is in the window: so
 *   what is given next of a task is the first that was sent of all that are ready in the file.
 * - Its size is bounded, however many messages wait in the file.
 * - A message that was handed back makes no other wait for ever: what comes back does not count when more is loaded, up to
 *   `MOST`.
 */
import { type Letter, ReadyQueue } from '../ready-queue.ts';
import type { Source } from '../takers.ts';
import type { MessageTable } from './message-table.ts';

/** How many letters are loaded at once, when fewer than half as many are left. */
const LOAD = 1_024;

/** How many letters it holds at most, but for one load. */
const MOST = 8 * LOAD;

export class Window implements Source<Letter> {
  /** How many takers take the name. */
  takers = 0;
  /** When the first parked message is due, in ms since the epoch. */
  nextDue: number;
  /** Whether what is due is being made ready. */
  isWaking = false;
  readonly name: string;
  readonly #table: MessageTable;
  readonly #inHands: ReadonlySet<number>;
  #queue = new ReadyQueue<Letter>();
  /** The sequences of what is in the queue, and of those that were there before. */
  readonly #waiting = new Set<number>();
  readonly #returned = new Set<number>();
  #upTo = 0;
  #isComplete = false;

  /** @param inHands The sequences of all messages in hands. @throws {SqliteError} */
  constructor(name: string, table: MessageTable, inHands: ReadonlySet<number>) {
    this.name = name;
    this.#table = table;
    this.#inHands = inHands;
    this.nextDue = table.nextDue(name);
  }

  /** @throws {SqliteError} */
  next(): Letter | undefined {
    this.#load();
    const letter = this.#queue.next();
    if (letter) {
      this.#waiting.delete(letter.sequence);
      this.#returned.delete(letter.sequence);
    }
    return letter;
  }

  /** A message of the name was stored. */
  extend(): void {
    this.#isComplete = false;
  }

  /**
   * A message that was not to be given is ready now. By the time that this is heard it may have been loaded, even given:
   * it is ready in the file since its transaction.
   */
  putBack(letter: Letter): void {
    const { sequence } = letter;
    if (this.#waiting.has(sequence) || this.#inHands.has(sequence)) return;
    if (this.#waiting.size >= MOST) this.#rewind();
    if (sequence > this.#upTo) {
      this.#isComplete = false;
      return;
    }
    this.#queue.add(letter);
    this.#waiting.add(sequence);
    this.#returned.add(sequence);
  }

  /** Forgets everything: it is all in the file. */
  #rewind(): void {
    this.#queue = new ReadyQueue();
    this.#waiting.clear();
    this.#returned.clear();
    this.#upTo = 0;
    this.#isComplete = false;
  }

  #load(): void {
    while (
      !this.#isComplete &&
      this.#waiting.size - this.#returned.size < LOAD / 2 &&
      this.#waiting.size < MOST
    ) {
      const letters = this.#table.ready(this.name, this.#upTo, LOAD);
      for (const letter of letters) {
        this.#upTo = letter.sequence;
        if (this.#inHands.has(letter.sequence)) continue;
        this.#queue.add(letter);
        this.#waiting.add(letter.sequence);
      }
      this.#isComplete = letters.length < LOAD;
    }
  }
}

/**
 * The messages of one task name that wait for a taker.
 *
 * Invariants:
 * - Of one task's messages the one sent first comes first, however often it was handed back.
 * - Tasks take turns: one with many messages, or one that is handed back again and again, starves no other.
 * - What nobody waits for costs nothing: a task without messages is forgotten.
 */
import { Fifo } from './fifo.ts';
import { Heap } from './heap.ts';
import type { Message } from './port.ts';

/** A message but for its body. */
export type Head = {
  [Kind in Message['kind']]: Omit<Extract<Message, { kind: Kind }>, 'body'>;
}[Message['kind']];

/** A message from when it is sent until it is acknowledged. */
export interface Letter {
  /** The order in which messages were sent. */
  readonly sequence: number;
  readonly head: Head;
}

interface Line<L extends Letter> {
  readonly taskId: string;
  readonly letters: Heap<L>;
}

const sentBefore = (a: Letter, b: Letter): boolean => a.sequence < b.sequence;

export class ReadyQueue<L extends Letter> {
  /** The tasks that have letters here, in the order of their turns. */
  readonly #turns = new Fifo<Line<L>>();
  readonly #lines = new Map<string, Line<L>>();

  add(letter: L): void {
    const { taskId } = letter.head;
    let line = this.#lines.get(taskId);
    if (!line) {
      line = { taskId, letters: new Heap<L>(sentBefore) };
      this.#lines.set(taskId, line);
      this.#turns.push(line);
    }
    line.letters.push(letter);
  }

  next(): L | undefined {
    const line = this.#turns.shift();
    const letter = line?.letters.pop();
    if (line && line.letters.size > 0) this.#turns.push(line);
    else if (line) this.#lines.delete(line.taskId);
    return letter;
  }
}

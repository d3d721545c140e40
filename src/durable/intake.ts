import type { Delivered } from './actor.ts';
import type { Arrival, Began, Note, Rested } from './entry.ts';
import { EntryRefusedError } from './errors/entry-refused-error.ts';
import type { Problem } from './problem.ts';
import type { Rules } from './rules.ts';
import type { Conflict, Writer } from './writer.ts';

/** What came, and waits to become durable. */
export interface Waiting {
  readonly entry: Began | Arrival | Rested;
  /** Who waits for it to be durable. */
  readonly sender?: PromiseWithResolvers<Delivered>;
}

/** What the intake needs of its host. */
export interface IntakeHost {
  readonly rules: Rules;
  /** Whether what comes is still taken. */
  readonly isOpen: boolean;
  /** How the charts stand that something came to since the last note. */
  note(): Note;
  /** That note is durable. */
  noted(): void;
  /** It is durable: the machine takes it. */
  take(waiting: Waiting): void;
  /** All of a batch has been taken. */
  taken(): Promise<void>;
  lose(to: Conflict): void;
  fail(error: unknown): void;
  /** Of those who still wait when it is over. */
  refusal(): Error;
  report(kind: Problem['kind'], error: unknown, address?: string): void;
}

/**
 * D2. What comes to an actor, until it is durable.
 *
 * - One batch is written at a time; what comes meanwhile travels in the next one, together, in the order in which it came.
 * - A batch is taken once it is durable, whole, before the next is written. If it does not become durable it is not taken.
 * - An entry that the journal will never take becomes the failure of the effect it came from, or is refused to its sender.
 *
 * It owns: what waits, and the ids of events. The host owns: when to begin, and what taking means.
 */
export class Intake {
  readonly #host: IntakeHost;
  readonly #writer: Writer;
  #begun = false;
  #writing = false;
  readonly #rests: (() => Rested | undefined)[] = [];
  #waiting: Waiting[] = [];
  /** By id, the entries of the events that have one, and those that are on their way to become one. */
  #received: Map<string, number | Promise<Delivered>> | undefined;

  constructor(host: IntakeHost, writer: Writer) {
    this.#host = host;
    this.#writer = writer;
  }

  get isIdle(): boolean {
    return !this.#writing && this.#waiting.length === 0;
  }

  /** From now on what waits is written. @param first What is to come before it. */
  begin(first?: Waiting): void {
    this.#begun = true;
    if (first) this.#waiting.unshift(first);
    this.#wake();
  }

  add(entry: Arrival): void {
    this.#waiting.push({ entry });
    this.#wake();
  }

  /** @returns Resolves once it is durable. */
  deliver(entry: Arrival, id: string | undefined): Promise<Delivered> {
    const sender = Promise.withResolvers<Delivered>();
    if (id !== undefined) this.remember(id, sender.promise);
    this.#waiting.push({ entry, sender });
    this.#wake();
    return sender.promise;
  }

  /** An event of that id that came before. */
  delivered(id: string | undefined): Promise<Delivered> | undefined {
    const known = id === undefined ? undefined : this.#received?.get(id);
    if (typeof known === 'number') return Promise.resolve({ entry: known, duplicate: true });
    return known?.then(({ entry }) => ({ entry, duplicate: true }));
  }

  remember(id: string, entry: number | Promise<Delivered>): void {
    this.#received ??= new Map();
    this.#received.set(id, entry);
  }

  /**
   * Writes a closing note once nothing else waits. Of several that ask for one, each is asked in its turn until one has it.
   *
   * @param note Made then; without one nothing is closed.
   */
  rest(note: () => Rested | undefined): void {
    this.#rests.push(note);
    this.#wake();
  }

  /** Nothing more is written: those who wait are told. */
  drop(): void {
    for (const { sender } of this.#waiting) sender?.reject(this.#host.refusal());
    this.#waiting = [];
  }

  get #hasWork(): boolean {
    return this.#waiting.length > 0 || this.#rests.length > 0;
  }

  #wake(): void {
    if (this.#writing || !this.#begun || !this.#hasWork) return;
    this.#writing = true;
    // What comes in one turn travels together.
    queueMicrotask(() => void this.#work().catch((error) => this.#host.fail(error)));
  }

  async #work(): Promise<void> {
    const { rules } = this.#host;
    while (this.#hasWork && this.#host.isOpen) {
      const batch = this.#waiting;
      this.#waiting = [];
      if (batch.length === 0) {
        const rested = this.#rests.shift()?.();
        if (!rested) continue;
        batch.push({ entry: rested });
      }
      if (!rules.writeAhead) this.#take(batch);
      if (!(await this.#write(batch))) {
        for (const { sender } of batch) sender?.reject(this.#host.refusal());
        return;
      }
      if (rules.writeAhead) this.#take(batch);
      await this.#host.taken();
    }
    this.#writing = false;
  }

  #take(batch: readonly Waiting[]): void {
    for (const waiting of batch) {
      if (this.#host.isOpen) this.#host.take(waiting);
      else waiting.sender?.reject(this.#host.refusal());
    }
  }

  /** @returns Whether the batch is durable, and still ours to take. */
  async #write(batch: Waiting[]): Promise<boolean> {
    while (batch.length > 0) {
      const [first, ...rest] = batch.map(({ entry }) => entry);
      if (!first) break;
      const noted = first.type === 'began' ? first : { ...first, note: this.#host.note() };
      try {
        const written = await this.#writer.write([noted, ...rest], false);
        if (written.status === 'lost') this.#host.lose(written.to);
        if (written.status !== 'stored') return false;
        // What the beginning touched is noted with the entry behind it.
        if (first.type !== 'began') this.#host.noted();
        return true;
      } catch (error) {
        if (error instanceof EntryRefusedError && this.#refuse(batch, error)) continue;
        this.#host.fail(error);
        return false;
      }
    }
    return true;
  }

  /** @returns Whether the batch can be written without the entry. */
  #refuse(batch: Waiting[], error: EntryRefusedError): boolean {
    const refused = batch[error.index];
    if (!refused) return false;
    const { entry, sender } = refused;
    const effect = entry.type === 'event' ? entry.from : 'data' in entry ? entry.of : undefined;
    if (effect !== undefined) {
      this.#host.report('refused', error, effect);
      // Without its cause, which may be as large as what was refused.
      const { name, code, message } = error;
      batch[error.index] = {
        entry: { type: 'threw', at: entry.at, of: effect, error: { name, code, message } },
      };
      return true;
    }
    if (entry.type !== 'event') return false;
    if (entry.id !== undefined) this.#received?.delete(entry.id);
    if (sender) sender.reject(error);
    else this.#host.report('refused', error, entry.to);
    batch.splice(error.index, 1);
    return true;
  }
}

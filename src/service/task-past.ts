import type { TaskRequest } from '../../machines/task/index.ts';
import type { Json, StoredCommit } from '../backends/index.ts';
import type { Entry } from '../durable/index.ts';
import { readTaskEntry, type TaskEntry } from './task-entry.ts';

type EntryOf<Type extends TaskEntry['type']> = Extract<TaskEntry, { type: Type }>;

/** How a life of a task is run: with others in flight in the same process, or without. */
type Life = 'in company' | 'alone';

/**
 * A task's past, as far as its journal tells: the fold of its entries, from the service's side.
 *
 * - A life that ends in order says so (`rested`, `task.blocked`, `task.ended`). One that another life follows without that
 *   has died; and so has the last, to whoever takes the task up again.
 * - Whatever came to the task itself resets the count of deaths.
 */
export class TaskPast {
  readonly request: TaskRequest;
  readonly from: 'inbox' | undefined;
  /** All that its journal holds, its own entries and the service's. */
  readonly entries: Json[] = [];
  /** Of the events that came to it in earlier folds, or were refused: they are not taken again. */
  readonly eventIds = new Set<string>();
  /** By event, why it was refused. */
  readonly refusals = new Map<string, EntryOf<'task.refused'>['issues']>();
  /** The sequence of the last commit. */
  sequence = 0;
  isClosed = false;
  /** Of the task, for this fold. */
  version: string;
  /** Whether its machine was begun, in this fold. */
  isBegun = false;
  /** How it ended; nothing while it has not. */
  ended: EntryOf<'task.ended'> | undefined;
  /** The number of the entry that says so; 0 while there is none. */
  endedAt = 0;
  /** It is set aside, and nothing came since. */
  blocked: EntryOf<'task.blocked'> | undefined;
  /** The number of the last entry that says so; 0 while there is none. */
  blockedAt = 0;
  /** Hashes of the charts that it could not go on with, where it is now. */
  readonly blockedBy = new Set<string>();
  /** It was begun anew: with what, and why. */
  restarted: EntryOf<'task.restarted'> | undefined;
  /** The latest time until which a message that wakes it was handed back, in ms since the epoch; 0 if none was. */
  wakesUntil: number;
  /** The number of the entry with which it was begun anew; 0 if it was not. */
  restartedAt = 0;
  /** The number of the last entry with which it was parked; 0 if none. What came up to there has been told. */
  parkedAt = 0;
  #deaths: Record<Life, number> = { 'in company': 0, alone: 0 };
  /** How the life is run that has not said that it is over. */
  #life: Life | undefined;
  #resumed: Life = 'in company';
  /** Of this fold. */
  #eventIds: string[] = [];

  constructor({ request, version, from }: EntryOf<'task.requested'>) {
    this.request = request;
    this.from = from;
    this.version = version;
    this.wakesUntil = request.run_at === undefined ? 0 : Date.parse(request.run_at);
  }

  /** @returns `undefined` where there is none, or it does not begin with a request. */
  static async read(commits: AsyncIterable<StoredCommit>): Promise<TaskPast | undefined> {
    let past: TaskPast | undefined;
    for await (const commit of commits) {
      for (const json of commit.entries) {
        const entry = past ? undefined : readTaskEntry(json);
        if (entry?.type === 'task.requested') past = new TaskPast(entry);
      }
      past?.hear(commit);
    }
    return past;
  }

  /** Another commit follows. */
  hear({ entries, sequence, closing = false }: StoredCommit): void {
    for (const json of entries) this.add(json, readTaskEntry(json));
    this.sequence = sequence;
    this.isClosed = closing;
  }

  /** How often it was being run when its process died, since anything came to it. */
  get deaths(): { readonly inCompany: number; readonly alone: number } {
    const died = (life: Life) => this.#deaths[life] + (this.#life === life ? 1 : 0);
    return { inCompany: died('in company'), alone: died('alone') };
  }

  /** Whether it may be run somewhere right now: its last life has not said that it is over. */
  get mayLive(): boolean {
    return this.#life !== undefined;
  }

  /** Whether an event of that id came to it, in any fold. */
  hasEvent(id: string): boolean {
    return this.eventIds.has(id) || this.#eventIds.includes(id);
  }

  /** @param ours The entry, if it is the service's. */
  add(json: Json, ours: TaskEntry | undefined): void {
    this.entries.push(json);
    if (ours) this.#note(ours);
    else if (typeof json === 'object' && json !== null) this.#came(json as unknown as Entry);
  }

  #note(entry: TaskEntry): void {
    switch (entry.type) {
      case 'task.requested':
        break;
      case 'task.resumed':
        if (this.#life) this.#deaths[this.#life] += 1;
        this.#resumed = entry.alone ? 'alone' : 'in company';
        this.#life = this.#resumed;
        this.blocked = undefined;
        break;
      case 'task.restarted':
        for (const id of [...this.#eventIds, entry.id]) this.eventIds.add(id);
        this.#eventIds = [];
        this.version = entry.version;
        this.restarted = entry;
        this.restartedAt = this.entries.length;
        this.isBegun = false;
        this.ended = undefined;
        this.blocked = undefined;
        this.blockedBy.clear();
        this.#lives(undefined);
        break;
      case 'task.blocked':
        this.blocked = entry;
        this.blockedAt = this.entries.length;
        this.blockedBy.add(entry.chart);
        this.#lives(undefined);
        break;
      case 'task.refused':
        this.eventIds.add(entry.id);
        this.refusals.set(entry.id, entry.issues);
        break;
      case 'task.ended':
        if (!this.ended) this.endedAt = this.entries.length;
        this.ended = entry;
        this.blocked = undefined;
        this.#lives(undefined);
        break;
      default:
        entry satisfies never;
    }
  }

  /** Something came to the task itself. */
  #came(entry: Entry): void {
    if (entry.type === 'event' && entry.id !== undefined) this.#eventIds.push(entry.id);
    if (entry.type === 'rested') {
      if (entry.waits) this.parkedAt = this.entries.length;
      this.wakesUntil = Math.max(this.wakesUntil, entry.waits?.until ?? 0);
      this.#lives(undefined);
    } else {
      this.isBegun = true;
      this.blockedBy.clear();
      this.#lives(this.#resumed);
    }
  }

  #lives(life: Life | undefined): void {
    this.#deaths = { 'in company': 0, alone: 0 };
    this.#life = life;
    if (!life) this.#resumed = 'in company';
  }
}

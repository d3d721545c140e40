import { type Actor, type AnyStateMachine, createActor, type InspectionEvent, type Observer } from 'xstate';
import type { Clock } from '../../machines/clock.ts';
import { chartOf } from './chart.ts';
import { describeActor, type Entry, type Note, type Waits } from './entry.ts';
import { MismatchError } from './errors/mismatch-error.ts';
import { hookedRoot } from './hooks.ts';
import { differenceOf, noteOf } from './note.ts';
import { type Past, replay } from './replay.ts';
import { Tree, type TreeHost } from './tree.ts';

export interface BodyOptions {
  readonly id: string;
  readonly input: unknown;
  readonly clock: Clock;
  /** It has a past, which is replayed first. */
  readonly replaying: boolean;
  readonly inspect: ((event: InspectionEvent) => void) | Observer<InspectionEvent> | undefined;
  readonly logger: ((...args: unknown[]) => void) | undefined;
}

/** One machine's actor tree, with the hooks in it: how it stands, and how it comes to stand where its journal says. */
export class Body {
  readonly tree: Tree;
  readonly root: Actor<AnyStateMachine>;
  readonly #id: string;
  readonly #machine: AnyStateMachine;

  constructor(
    machine: AnyStateMachine,
    host: TreeHost,
    { id, input, clock, replaying, inspect, logger }: BodyOptions,
  ) {
    this.#id = id;
    this.#machine = machine;
    this.tree = new Tree(host, clock);
    this.tree.replaying = replaying;
    this.root = createActor(hookedRoot(machine, this.tree), {
      id,
      src: machine,
      input,
      clock,
      ...(inspect && { inspect }),
      ...(logger && { logger }),
    });
  }

  get isActive(): boolean {
    return this.root.getSnapshot().status === 'active';
  }

  /** What it waits for, if nothing but events and timers can move it. */
  waits(): Waits | undefined {
    for (const member of this.tree.members) if (member.isEffect && member.started) return undefined;
    const { next } = this.tree.timers;
    return next === Number.POSITIVE_INFINITY ? {} : { until: next };
  }

  /** A fold begins. @param at In ms since the epoch. */
  begin(at: number): void {
    this.tree.time = at;
    this.tree.goLive();
    this.root.start();
  }

  /** @throws {MismatchError} Until there its entries were told of. */
  replay(past: Past, onFolded: (entry: Entry, number: number) => void): void {
    replay(past, {
      id: this.#id,
      machine: this.#machine,
      tree: this.tree,
      start: () => void this.root.start(),
      isActive: () => this.isActive,
      onFolded,
    });
  }

  /** @param hashed With hashes of contexts. */
  standing(hashed: boolean): Note {
    const charts = [...this.tree.members].filter(({ kind }) => kind === 'chart');
    return noteOf(charts, hashed);
  }

  /**
   * Holds it, as it stands, against another that came there by a replay.
   *
   * @param entry The number of the last.
   * @throws {MismatchError} They do not stand alike.
   */
  assertStandsAs(other: Note, entry: number): void {
    const difference = differenceOf(this.standing(true), other);
    if (!difference) return;
    const { recorded, replayed, address } = difference;
    const [live, again] = [recorded, replayed].map((standing) => JSON.stringify(standing) ?? 'nowhere');
    const what = `${describeActor(address)} stands at ${live}; replayed, at ${again}. Something in it is not pure.`;
    const chart = chartOf(this.#machine);
    throw new MismatchError(this.#id, what, {
      entry,
      ...difference,
      charts: { recorded: chart, replayed: chart },
    });
  }
}

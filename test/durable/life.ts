import { type AnyEventObject, type AnyMachineSnapshot, type AnyStateMachine, createActor } from 'xstate';
import type { Json } from '../../machines/json.ts';
import { Host } from '../../src/durable/host.ts';
import type { Batch, Problem, Status } from '../../src/durable/index.ts';
import { RULES, type Rules } from '../../src/durable/rules.ts';
import { flush } from '../virtual-time.ts';
import { type Animal, type Looked, World } from './world.ts';

/** A journal in memory, as a backend keeps it: what is stored is text. */
export class TestJournal {
  readonly #commits: { readonly id: string; readonly writer: string; readonly text: string }[] = [];

  constructor(entries: readonly Json[] = []) {
    for (const entry of entries) {
      this.#commits.push({ id: '', writer: 'an earlier life', text: JSON.stringify([entry]) });
    }
  }

  get entries(): Json[] {
    return this.#commits.flatMap(({ text }) => JSON.parse(text) as Json[]);
  }

  get sequence(): number {
    return this.#commits.length;
  }

  append = async (expected: number, { id, writer, entries }: Batch): Promise<number> => {
    if (this.#commits[expected]?.id === id) return expected + 1;
    if (expected !== this.sequence) {
      const last = this.#commits.at(-1);
      throw Object.assign(new Error(`It ends with ${this.sequence}, not ${expected}.`), {
        expected,
        sequence: this.sequence,
        writer: last?.writer,
      });
    }
    return this.#commits.push({ id, writer, text: JSON.stringify(entries) });
  };
}

/** How a machine stands in the end, as JSON, whatever it was through. */
export interface Standing {
  readonly status: string;
  readonly value: unknown;
  readonly context: unknown;
  readonly output: unknown;
  readonly error: unknown;
}

export function standingOf({ status, value, context, output, error }: AnyMachineSnapshot): Standing {
  // An error of the machine's own is an `Error`, one that came from outside is JSON.
  const told = error instanceof Error ? `${error.name}: ${error.message}` : error;
  return JSON.parse(JSON.stringify({ status, value, context, output, error: told }));
}

/** Where a life is cut short. */
export interface Crash {
  /** At which of its appends. */
  readonly append: number;
  /** Never reached the journal; or was stored, but the process died before it knew. */
  readonly stored: boolean;
}

export interface LifeOptions {
  readonly entries?: readonly Json[];
  /** When it begins, in ms. */
  readonly time?: number;
  readonly rules?: Partial<Rules>;
  readonly crash?: Crash | undefined;
}

export interface Life {
  readonly world: World;
  readonly entries: readonly Json[];
  readonly status: Status;
  readonly standing: Standing;
  readonly problems: readonly Problem[];
  readonly crashed: boolean;
}

/** Lives through an animal's life until it ends, rests for good, or crashes. */
export async function live(animal: Animal, options: LifeOptions = {}): Promise<Life> {
  const { entries = [], time = 0, rules, crash } = options;
  const world = new World(time);
  const journal = new TestJournal(entries);
  const problems: Problem[] = [];
  world.number = entries.length;
  world.durable = () => journal.entries.length;
  let appends = 0;
  let crashed = false;
  const machine: AnyStateMachine = animal.machine(world);
  const host = new Host<AnyStateMachine>(
    machine,
    {
      id: 'it',
      input: animal.input as never,
      entries: [...entries],
      sequence: journal.sequence,
      clock: world.clock,
      hashContext: true,
      // A life that is cut or goes on with a past is a replay by itself.
      alwaysReplay: entries.length === 0 && !crash,
      logger: () => world.did('act', 'log'),
      onProblem: (problem) => problems.push(problem),
      onEntry: ({ number }) => {
        world.number = number + 1;
      },
      append: (expected, batch) => {
        appends += 1;
        if (crashed || appends !== crash?.append) {
          return crashed ? new Promise(() => {}) : journal.append(expected, batch);
        }
        crashed = true;
        world.dead = true;
        if (crash.stored) void journal.append(expected, batch);
        return new Promise(() => {});
      },
    },
    { ...RULES, ...rules },
  );
  world.number += 1;
  host.on('*', ({ type }) => world.did('emit', type));

  world.opening = true;
  host.start();
  world.opening = false;
  await perform(animal, world, {
    first: entries.filter((entry) => (entry as { id?: string }).id?.startsWith('cue ')).length,
    getSnapshot: () => host.getSnapshot(),
    isOver: () => crashed || !(host.status === 'live' || host.status === 'starting'),
    send: (event, cue) => void host.deliver(event, { id: `cue ${cue}` }).catch(() => {}),
  });
  return {
    world,
    entries: journal.entries,
    status: host.status,
    standing: standingOf(host.getSnapshot()),
    problems,
    crashed,
  };
}

interface Stage {
  /** The first cue that was not yet sent. */
  readonly first: number;
  getSnapshot(): AnyMachineSnapshot;
  isOver(): boolean;
  send(event: AnyEventObject, cue: number): void;
}

/** Sends one cue after the other, each when its time has come; lets time go by from timer to timer in between. */
async function perform({ script = [] }: Animal, { clock }: World, stage: Stage): Promise<void> {
  await flush();
  for (let cue = stage.first; !stage.isOver(); ) {
    const next = script[cue];
    const snapshot = stage.getSnapshot();
    if (next && snapshot.status === 'active' && next.when(snapshot as unknown as Looked)) {
      stage.send(next.event, cue);
      cue += 1;
      await flush();
    } else if (clock.pending > 0) {
      let fired = false;
      await clock.run(() => {
        const enough = fired;
        fired = true;
        return enough;
      });
    } else return;
  }
}

/** The same life of a plain actor, in which nothing is durable and nothing goes wrong. */
export async function livePlainly(animal: Animal): Promise<Standing> {
  const world = new World();
  const actor = createActor(animal.machine(world), {
    id: 'it',
    clock: world.clock,
    input: animal.input,
    logger: () => {},
  });
  actor.subscribe({ error: () => {} });
  actor.start();
  await perform(animal, world, {
    first: 0,
    getSnapshot: () => actor.getSnapshot(),
    isOver: () => actor.getSnapshot().status !== 'active',
    send: (event) => actor.send(event),
  });
  return standingOf(actor.getSnapshot());
}

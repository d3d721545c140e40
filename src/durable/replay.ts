import type { AnyStateMachine } from 'xstate';
import type { Json } from '../../machines/json.ts';
import { placeOf } from './address.ts';
import { chartOf } from './chart.ts';
import {
  type Arrival,
  type Began,
  describeActor,
  describeEntry,
  type Entry,
  type Note,
  readEntry,
} from './entry.ts';
import { MismatchError } from './errors/mismatch-error.ts';
import { Member } from './member.ts';
import { differenceOf, noteOf } from './note.ts';
import type { Timer } from './timers.ts';
import type { Tree } from './tree.ts';

/** What a journal holds for an actor: its last fold. */
export interface Past {
  readonly entries: readonly Json[];
  readonly began: Began;
  /** Where the fold begins. */
  readonly index: number;
}

/** @returns The last fold, if there is one, and how many there are. */
export function pastOf(entries: readonly Json[]): {
  readonly past: Past | undefined;
  readonly folds: number;
} {
  let past: Past | undefined;
  let folds = 0;
  for (const [index, json] of entries.entries()) {
    const entry = readEntry(json);
    if (typeof entry !== 'object' || entry.type !== 'began') continue;
    past = { entries, began: entry, index };
    folds += 1;
  }
  return { past, folds };
}

/** What the effects right below the machine gave in the last fold, by id; nothing is replayed for it. */
export function resultsIn(entries: readonly Json[]): Readonly<Record<string, Json>> {
  const results: Record<string, Json> = {};
  for (const json of entries.slice(pastOf(entries).past?.index)) {
    const entry = readEntry(json);
    if (typeof entry !== 'object' || entry.type !== 'resolved' || entry.data === undefined) continue;
    results[placeOf(entry.of)] = entry.data;
  }
  return results;
}

/** What a replay works with. */
export interface Scene {
  readonly id: string;
  readonly machine: AnyStateMachine;
  readonly tree: Tree;
  start(): void;
  /** Whether the machine is still active. */
  isActive(): boolean;
  onFolded(entry: Entry, number: number): void;
}

/**
 * D6. Replays a fold through the real actor tree.
 *
 * - What was noted must be found again, before each entry that carries a note.
 * - Every arrival must find its actor or timer. One that finds none must have been overtaken, as it was when it was live:
 *   what it is for was there when it came, so it went with an entry of the same commit or the one before it.
 *
 * @throws {MismatchError}
 */
export function replay(past: Past, scene: Scene): void {
  const { tree } = scene;
  // What went while the last commit was delivered, and while this one is.
  let before: (Member | Timer)[] = [];
  let lately: (Member | Timer)[] = [];
  tree.onGone = (gone) => lately.push(gone);

  for (let index = past.index; index < past.entries.length; index += 1) {
    const number = index + 1;
    const entry = readEntry(past.entries[index]);
    if (entry === 'other') continue;
    if (entry === 'unknown') throw mismatch(past, scene, number, 'its type is not known here.');
    if (entry.type !== 'began' && entry.note) {
      compare(past, scene, number, entry, entry.note);
      tree.touched.clear();
      before = lately;
      lately = [];
    }
    switch (entry.type) {
      case 'began':
        tree.time = entry.at;
        scene.start();
        break;
      case 'rested':
      case 'ended':
        break;
      default:
        if (scene.isActive() && tree.deliver(entry) === 'gone') {
          if (![...before, ...lately].some((gone) => isFor(entry, gone))) {
            throw mismatch(past, scene, number, absence(entry), addressIn(entry));
          }
        }
    }
    scene.onFolded(entry, number);
  }
}

function compare(past: Past, scene: Scene, number: number, entry: Entry, note: Note): void {
  const hashed = Object.values(note).some(({ context }) => context !== undefined);
  const difference = differenceOf(note, noteOf(scene.tree.touched, hashed));
  if (!difference) return;
  const { address, recorded, replayed } = difference;
  const stood = recorded ? `stood at ${JSON.stringify(recorded)}` : 'was not there';
  const stands = replayed ? `it stands at ${JSON.stringify(replayed)}` : 'it is not there';
  const what = `when ${describeEntry(entry)} came, ${describeActor(address)} ${stood}; on replay ${stands}.`;
  throw mismatch(past, scene, number, what, address, { recorded, replayed });
}

function mismatch(
  { began }: Past,
  { id, machine }: Scene,
  entry: number,
  what: string,
  address = '',
  { recorded, replayed }: Partial<Pick<MismatchError, 'recorded' | 'replayed'>> = {},
): MismatchError {
  const charts = {
    recorded: { machine: began.machine, version: began.version, hash: began.chart },
    replayed: chartOf(machine),
  };
  return new MismatchError(id, what, { entry, address, recorded, replayed, charts });
}

function addressIn(arrival: Arrival): string {
  return arrival.type === 'event' ? arrival.to : arrival.of;
}

function absence(arrival: Arrival): string {
  const what = arrival.type === 'timer' ? 'that timer is not armed' : 'that actor is not there';
  return `${describeEntry(arrival)} came, but on replay ${what}.`;
}

function isFor(arrival: Arrival, gone: Member | Timer): boolean {
  if (gone instanceof Member) {
    return gone.address === (arrival.type === 'event' ? arrival.to : arrival.of) || sentBy(arrival, gone);
  }
  return (
    arrival.type === 'timer' &&
    gone.owner.address === arrival.of &&
    gone.id === arrival.timer &&
    gone.nth === (arrival.nth ?? 1)
  );
}

function sentBy(arrival: Arrival, { address }: Member): boolean {
  return arrival.type === 'event' && arrival.from === address;
}

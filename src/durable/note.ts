import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { ROOT } from './address.ts';
import type { Note, Standing } from './entry.ts';
import type { Member } from './member.ts';
import { STOPPED } from './xstate-internals.ts';

/**
 * D6. How the charts stand that something came to: kept with the next entry, compared on replay.
 *
 * @param hashed With a hash of their contexts, which shows an assign that is not pure where the state's value does not.
 */
export function noteOf(members: Iterable<Member>, hashed: boolean): Note {
  const note: Record<string, Standing> = {};
  for (const { actor, address } of members) {
    if (actor._processingStatus === STOPPED && address !== ROOT) continue;
    const { status, value, context } = actor.getSnapshot();
    if (value === undefined && status === 'active' && !hashed) continue;
    note[address] = {
      ...(value !== undefined && { value }),
      ...(status !== 'active' && { status }),
      ...(hashed && { context: hashOf(context) }),
    };
  }
  return note;
}

/** The first actor that stands otherwise than it did; undefined if none does. Contexts count where both have them. */
export function differenceOf(
  recorded: Note,
  replayed: Note,
): { address: string; recorded: Standing | undefined; replayed: Standing | undefined } | undefined {
  if (isDeepStrictEqual(recorded, replayed)) return undefined;
  for (const address of new Set([...Object.keys(recorded), ...Object.keys(replayed)])) {
    const [was, is] = [recorded[address], replayed[address]];
    const hashed = was?.context !== undefined && is?.context !== undefined;
    // Notes with and without hashes name transition logics or not.
    if (!hashed && (isBare(was) || isBare(is))) continue;
    if (!isDeepStrictEqual(stateOf(was, hashed), stateOf(is, hashed))) {
      return { address, recorded: was, replayed: is };
    }
  }
  return undefined;
}

function isBare(standing: Standing | undefined): boolean {
  return standing !== undefined && standing.value === undefined && standing.status === undefined;
}

function stateOf(standing: Standing | undefined, hashed: boolean): Standing | undefined {
  if (!standing || hashed) return standing;
  const { context: _, ...state } = standing;
  return state;
}

/** Actors in a context tell their ids when they are written; those are the same on replay. */
function hashOf(context: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(context) ?? 'undefined';
  } catch (error) {
    text = `unreadable: ${error instanceof Error ? error.name : typeof error}`;
  }
  return shortHash(text);
}

export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

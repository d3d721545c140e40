/**
 * Finds the large values in an entry, and takes them out.
 *
 * A value's *size* is the number of characters of its JSON text, escapes not counted: near enough to tell what is large,
 * and cheap.
 *
 * Invariants:
 * - What is taken out is as small as can be: of a value that is large for one part of it, that part alone. So what many
 *   entries have in common is the same value in each, whatever stands around it.
 * - What is left of an entry holds no value that is large. The entry itself is none, however many small values it holds, unless
 *   that is asked for: it is another one each time.
 * - The entry itself is not changed: what is changed of it is a copy.
 */
import { assertJson, DEEPEST_JSON } from '../../../machines/json.ts';
import type { Json } from '../port.ts';
import { pointerTo, withItem } from './pointer.ts';

/** A value that was taken out. What was taken out of itself is null in it. */
export interface LargeValue {
  /** Where it was. */
  readonly pointer: string;
  readonly value: Json;
}

export interface Reduced {
  /** The entry, null in the places of what was taken out. */
  readonly entry: Json;
  /** What is inside of another stands before it. */
  readonly values: readonly LargeValue[];
}

/** The longest text of a number. */
const LONGEST_NUMBER = 24;

/**
 * Whether something in a value may be larger than a size. On the path of every commit: it does not look further than to
 * that size, and measures no number.
 */
export function maySurpass(value: Json, size: number): boolean {
  return left(value, size, 0) < 0;
}

function left(value: Json, room: number, depth: number): number {
  if (typeof value === 'string') return room - value.length - 2;
  if (typeof value !== 'object' || value === null) return room - LONGEST_NUMBER;
  // What is no JSON, a cycle say, is found out when it is looked at closely.
  if (depth > DEEPEST_JSON) return -1;
  let rest = room - 2;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length && rest >= 0; index += 1) {
      rest = left(value[index] as Json, rest - 1, depth + 1);
    }
    return rest;
  }
  for (const key in value) {
    rest = left(value[key] as Json, rest - key.length - 4, depth + 1);
    if (rest < 0) return rest;
  }
  return rest;
}

/** What is to be taken out, in characters. */
export interface Limits {
  /** A value that is larger than this. */
  readonly value: number;
  /** The entry itself, if what is left of it is larger than this. */
  readonly entry: number;
}

/** @param path What the entry is called, for the error. @throws {NotJsonError} */
export function reduce(entry: Json, limits: Limits, path: string): Reduced {
  assertJson(entry, path);
  const values: LargeValue[] = [];
  const keys: string[] = [];

  /** @returns What stands in its place, and the size of that. */
  const take = (value: Json): [Json, number] => {
    const [rest, size] =
      typeof value === 'object' && value !== null ? takeInside(value) : [value, sizeOf(value)];
    if (size <= (keys.length === 0 ? limits.entry : limits.value)) return [rest, size];
    values.push({ pointer: pointerTo(keys), value: rest });
    return [null, sizeOf(null)];
  };
  const takeInside = (value: Json[] | { [key: string]: Json }): [Json, number] => {
    let rest = value;
    let size = 2;
    for (const [key, item] of Object.entries(value)) {
      keys.push(key);
      const [restOfItem, itemSize] = take(item);
      keys.pop();
      size += itemSize + (Array.isArray(value) ? 1 : key.length + 4);
      if (restOfItem !== item) rest = withItem(rest, key, restOfItem, { copied: rest !== value });
    }
    return [rest, size];
  };
  return { entry: take(entry)[0], values };
}

function sizeOf(value: string | number | boolean | null): number {
  return typeof value === 'string' ? value.length + 2 : String(value).length;
}

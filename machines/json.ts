/**
 * JSON at the border: what enters is JSON before anything sees it, so that what is live and what is replayed
 * are the same. Nothing is converted here; what would not survive is refused, by its path.
 *
 * What JSON itself calls no part of a value is not looked at: properties that are not enumerable, and those that
 * an array has beside its items. `-0` enters and becomes `0`.
 */
import { NotJsonError } from './not-json-error.ts';

/** Anything that survives JSON unchanged. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** How deep a value may be nested: far beyond any real one, far within what the stack holds. */
export const DEEPEST_JSON = 1_000;

/**
 * Refuses what does not survive JSON: `undefined` (also as a property or a hole in an array), functions, symbols,
 * `NaN`, infinities, `BigInt`, instances of classes (`Date`, `Map`, `Error` …), cycles, and values nested deeper
 * than {@link DEEPEST_JSON}.
 *
 * @param path What the value is called, for the error: `body`.
 * @throws {NotJsonError} Naming the path of the first culprit.
 */
export function assertJson(value: unknown, path: string): asserts value is Json {
  // Two walks, because the first is on every hot path and paths cost: only a value that fails pays for its path.
  // Neither remembers what it has seen: a cycle runs into the depth.
  if (!isJson(value, 0)) refuse(value, path, []);
}

function isJson(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value);
    case 'object':
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (depth >= DEEPEST_JSON) return false;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) if (!isJson(value[index], depth + 1)) return false;
    return true;
  }
  if (!isPlain(value)) return false;
  // Three times as fast as `Object.keys`. What a polluted prototype adds to it, the second walk does not count.
  for (const key in value) {
    if (!isJson((value as Record<string, unknown>)[key], depth + 1)) return false;
  }
  return Object.getOwnPropertySymbols(value).length === 0;
}

/** Made by `{}`, `JSON.parse` or `Object.create(null)`, in this realm or another. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    prototype === Object.prototype ||
    prototype === null ||
    Object.getPrototypeOf(prototype as object) === null
  );
}

/** The second walk: finds the culprit again, this time with its path and the objects on the way to it. */
function refuse(value: unknown, path: string, ancestors: object[]): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return;
    case 'number':
      if (Number.isFinite(value)) return;
      throw new NotJsonError(path, `is ${value}; JSON has no ${value}. Send null or leave it out.`);
    case 'undefined':
      throw new NotJsonError(path, 'is undefined; JSON has no undefined. Leave it out, or send null.');
    case 'bigint':
      throw new NotJsonError(path, 'is a BigInt; JSON has no BigInt. Send it as a string.');
    case 'function':
    case 'symbol':
      throw new NotJsonError(path, `is a ${typeof value}; JSON has no ${typeof value}s. Leave it out.`);
    case 'object':
      refuseObject(value, path, ancestors);
      return;
    default: {
      const never: never = value as never;
      throw new NotJsonError(path, `is a ${typeof never}.`);
    }
  }
}

function refuseObject(value: object | null, path: string, ancestors: object[]): void {
  if (value === null) return;
  if (ancestors.includes(value)) {
    throw new NotJsonError(path, 'refers back to a value that contains it; JSON has no cycles. Send an id.');
  }
  if (ancestors.length >= DEEPEST_JSON) {
    throw new NotJsonError(
      path.length > 200 ? `${path.slice(0, 200)}…` : path,
      `is nested deeper than ${DEEPEST_JSON} levels, the limit. Flatten it.`,
    );
  }
  ancestors.push(value);
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) refuse(value[index], `${path}[${index}]`, ancestors);
  } else {
    if (!isPlain(value)) {
      const kind: unknown = value.constructor?.name;
      const remedy = value instanceof Date ? 'Send its toISOString().' : 'Send its data as a plain object.';
      const what = typeof kind === 'string' && kind !== '' ? `an instance of ${kind}` : 'no plain object';
      throw new NotJsonError(path, `is ${what}; JSON keeps plain objects and arrays only. ${remedy}`);
    }
    for (const [key, item] of Object.entries(value)) refuse(item, `${path}${accessor(key)}`, ancestors);
    const [symbol] = Object.getOwnPropertySymbols(value);
    if (symbol)
      throw new NotJsonError(path, `has the key ${String(symbol)}; JSON has no symbols. Leave it out.`);
  }
  ancestors.pop();
}

function accessor(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

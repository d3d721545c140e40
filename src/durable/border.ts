import { assertJson, type Json } from '../../machines/json.ts';

/**
 * D1. What enters is refused or copied: a copy, since an effect may go on to change what it handed over, and a replay
 * would not. `undefined` is let through at the top, as "nothing": promises resolve with it every day.
 *
 * @throws {NotJsonError} Naming the path of the culprit.
 */
export function enter(value: unknown, path: string): Json | undefined {
  if (value === undefined) return undefined;
  assertJson(value, path);
  return copy(value);
}

/** @throws {TypeError} It is no event. @throws {NotJsonError} It does not survive JSON. */
export function enterEvent(event: unknown): Json {
  const json = enter(event, 'event');
  if (typeof json !== 'object' || json === null || !('type' in json) || typeof json.type !== 'string') {
    throw new TypeError(`An event is an object with a "type"; this one is ${JSON.stringify(json)}.`);
  }
  return json;
}

function copy(value: Json): Json {
  if (typeof value === 'number') return value === 0 ? 0 : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const items: Json[] = new Array(value.length);
    for (let index = 0; index < value.length; index++) items[index] = copy(value[index] as Json);
    return items;
  }
  const object: Record<string, Json> = {};
  for (const key in value) {
    if (!Object.hasOwn(value, key)) continue;
    const item = copy(value[key] as Json);
    // Assigned, it would be a prototype, and gone.
    if (key === '__proto__') Object.defineProperty(object, key, { ...WRITABLE, value: item });
    else object[key] = item;
  }
  return object;
}

const WRITABLE = { enumerable: true, configurable: true, writable: true };
const DEEPEST_CAUSE = 5;

/**
 * What was thrown, as JSON, once and for all: machines see this both live and replayed. An `Error` becomes a plain
 * object of its name, message, cause and those of its own properties that are JSON, but for its stack, which is reported;
 * what is JSON stays as it is. Never throws.
 */
export function enterError(thrown: unknown): Json | undefined {
  if (thrown === undefined) return undefined;
  try {
    return thrown instanceof Error ? plainError(thrown, DEEPEST_CAUSE) : (enter(thrown, 'error') ?? null);
  } catch {
    return { name: 'Error', message: textOf(thrown) };
  }
}

function plainError(error: Error, depth: number): Json {
  const plain: Record<string, Json> = { name: String(error.name), message: String(error.message) };
  for (const [key, value] of Object.entries(error)) {
    if (key === 'stack' || key === 'cause' || value === undefined) continue;
    try {
      plain[key] = enter(value, key) ?? null;
    } catch {
      // A live thing that hangs on the error, such as a response: of no use to a machine, and no JSON.
    }
  }
  if (depth > 0) {
    if (error.cause instanceof Error) plain.cause = plainError(error.cause, depth - 1);
    else if (error.cause !== undefined) plain.cause = enterError(error.cause) ?? null;
    if (error instanceof AggregateError) {
      plain.errors = error.errors.map((each) =>
        each instanceof Error ? plainError(each, depth - 1) : (enterError(each) ?? null),
      );
    }
  }
  return plain;
}

function textOf(thrown: unknown): string {
  try {
    return `Not an error but ${String(thrown)} was thrown.`;
  } catch {
    return 'What was thrown cannot be read.';
  }
}

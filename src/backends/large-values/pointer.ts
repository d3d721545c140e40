/** JSON pointers (RFC 6901): where in a value another one stands. */
import type { Json } from '../port.ts';

type Container = Json[] | { [key: string]: Json };

/** @param keys On the way to it. */
export function pointerTo(keys: readonly string[]): string {
  return keys.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/**
 * Puts an item where a pointer says, into the value itself.
 *
 * @returns The value; the item if it stands in the value's own place.
 * @throws {RangeError} There is no such place.
 */
export function placed(value: Json, pointer: string, item: Json): Json {
  if (pointer === '') return item;
  const keys = pointer
    .slice(1)
    .split('/')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = keys.pop() ?? '';
  let container: Json | undefined = value;
  for (const key of keys) container = isContainer(container) ? itemOf(container, key) : undefined;
  if (!isContainer(container) || !Object.hasOwn(container, last)) {
    throw new RangeError(`There is no place ${pointer}.`);
  }
  set(container, last, item);
  return value;
}

/** A container with another item in the place of one it has. @param copied Whether it is a copy already, to be changed. */
export function withItem(
  container: Container,
  key: string,
  item: Json,
  { copied }: { copied: boolean },
): Container {
  const copy = copied ? container : Array.isArray(container) ? [...container] : { ...container };
  set(copy, key, item);
  return copy;
}

function isContainer(value: Json | undefined): value is Container {
  return typeof value === 'object' && value !== null;
}

function itemOf(container: Container, key: string): Json | undefined {
  return Object.hasOwn(container, key) ? (container as { [key: string]: Json })[key] : undefined;
}

/** Of a key that is there. Defined, since assigned to `__proto__` it would be a prototype. */
function set(container: Container, key: string, value: Json): void {
  Object.defineProperty(container, key, { value, enumerable: true, configurable: true, writable: true });
}

import type { Json } from '../port.ts';
import { placed } from './pointer.ts';

/**
 * How an entry is stored whose large values are kept as blobs: null in their places, and beside it, not in it, where they
 * belong. An entry that has the key itself is stored so too, so that nothing in an entry is taken for a reference; and
 * who does not know this form finds an entry of no known type, never a null where there was a catalogue.
 */
export interface StoredEntry {
  readonly entry: Json;
  /** By JSON pointer, the hashes of what belongs there. One inside of another belongs into that other's value. */
  readonly $blobs: Readonly<Record<string, string>>;
}

/** Whether it is in the form of {@link StoredEntry}. */
export function isStoredApart(entry: Json): boolean {
  return typeof entry === 'object' && entry !== null && Object.hasOwn(entry, '$blobs');
}

/** @param blobs By JSON pointer, their hashes. */
export function storedEntry(entry: Json, blobs: readonly (readonly [string, string])[]): Json {
  return { $blobs: Object.fromEntries(blobs), entry };
}

/**
 * An entry as it was given.
 *
 * @param read Gives the value of a hash, not shared with anybody.
 * @throws What `read` throws.
 */
export async function givenEntry(
  stored: Json,
  read: (hash: string, pointer: string) => Promise<Json>,
): Promise<Json> {
  if (!isStoredApart(stored)) return stored;
  const { entry, $blobs } = stored as unknown as StoredEntry;
  // The outer before what belongs inside of it.
  const blobs = Object.entries($blobs).toSorted(([one], [other]) => one.length - other.length);
  const values = await Promise.all(blobs.map(([pointer, hash]) => read(hash, pointer)));
  return blobs.reduce((given, [pointer], index) => placed(given, pointer, values[index] as Json), entry);
}

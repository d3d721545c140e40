import type { StoredCommit } from './port.ts';

/**
 * A commit whose entries are parsed when they are looked at first: whoever follows a journal to find one commit pays for
 * that one.
 *
 * @param text Of its entries.
 */
export function parsedWhenRead(commit: Omit<StoredCommit, 'entries'>, text: string): StoredCommit {
  let entries: StoredCommit['entries'] | undefined;
  return {
    ...commit,
    get entries() {
      entries ??= JSON.parse(text) as StoredCommit['entries'];
      return entries;
    },
  };
}

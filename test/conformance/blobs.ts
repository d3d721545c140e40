import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { malformedHashes, notJson, oddJson } from './forms.ts';
import { commitOf } from './journal.ts';
import { DAY, type Open, stringOf, type Traits } from './stand.ts';

export function blobsPart(open: Open, { virtualTime }: Traits): void {
  describe('blobs', () => {
    it('B2 keeps a value under the SHA-256 of its JSON text, once', async () => {
      await using stand = await open();
      const { blobs } = stand.backend;
      const value = { products: ['Mascara', 'Grüße'] };
      const hash = await blobs.put(value);
      expect(hash).toBe(createHash('sha256').update(JSON.stringify(value)).digest('hex'));
      expect(await Promise.all([blobs.put(value), blobs.put(structuredClone(value))])).toEqual([hash, hash]);
      expect(await blobs.read(hash)).toEqual(value);
      expect(await blobs.read('0'.repeat(64))).toBeUndefined();
    });

    it('B4 keeps any JSON equal, and shares none of it', async () => {
      await using stand = await open();
      const { blobs } = stand.backend;
      const value = structuredClone(oddJson);
      const hash = await blobs.put(value);
      value.length = 0;
      const read = await blobs.read(hash);
      expect(read).toEqual(oddJson);
      (read as unknown[]).length = 0;
      expect(await blobs.read(hash)).toEqual(oddJson);
      expect(await blobs.read(await blobs.put(null))).toBeNull();
    });

    it('takes what is larger than a message, and B5 refuses what is larger than its limit', async () => {
      await using stand = await open();
      const { blobs } = stand.backend;
      const limit = stand.settings.maxBlobBytes;
      const value = stringOf(limit);
      expect(await blobs.read(await blobs.put(value))).toBe(value);
      await expect(blobs.put(stringOf(limit + 1))).rejects.toMatchObject({
        name: 'TooLargeError',
        bytes: limit + 1,
        limit,
      });
    });

    it('B5 refuses what is malformed or no JSON', async () => {
      await using stand = await open();
      const { blobs } = stand.backend;
      for (const hash of malformedHashes) {
        await expect(blobs.read(hash)).rejects.toMatchObject({ name: 'MalformedError', argument: 'hash' });
      }
      for (const [, value, reason] of notJson) {
        await expect(blobs.put([value] as never)).rejects.toMatchObject({
          name: 'NotJsonError',
          path: 'value[0]',
          message: expect.stringMatching(reason),
        });
      }
    });

    it.runIf(virtualTime)('stay while a journal refers to them, and go after the last that did', async () => {
      await using stand = await open();
      const { blobs, journal } = stand.backend;
      const { retention } = stand.settings;
      const [shared, alone, unused] = [
        await blobs.put('shared'),
        await blobs.put('alone'),
        await blobs.put('unused'),
      ];
      const closed = await journal.append('closed', 0, commitOf('c1', { blobs: [shared, alone] }));
      await journal.append('closed', closed, commitOf('c2', { blobs: [shared], closing: true }));
      const last = await journal.append('open', 0, commitOf('c3', { blobs: [shared] }));
      await stand.pass(retention);
      expect(await blobs.read(alone)).toBe('alone');
      await stand.pass(DAY);
      expect(await journal.last('closed')).toBeUndefined();
      expect(await blobs.read(alone)).toBeUndefined();
      expect(await blobs.read(unused)).toBeUndefined();
      expect(await blobs.read(shared)).toBe('shared');
      await journal.append('open', last, commitOf('c4', { closing: true }));
      await stand.pass(retention + DAY);
      expect(await journal.last('open')).toBeUndefined();
      expect(await blobs.read(shared)).toBeUndefined();
    });

    it.runIf(virtualTime)('stay for an hour after each put, for the commit to follow', async () => {
      await using stand = await open();
      const { blobs, journal } = stand.backend;
      const { retention } = stand.settings;
      const HOUR = 60 * 60 * 1000;
      const hash = await blobs.put('value');
      await journal.append('old', 0, commitOf('c1', { blobs: [hash], closing: true }));
      await stand.pass(retention - 1);
      await blobs.put('value');
      await stand.pass(HOUR);
      expect(await journal.last('old')).toSatisfy(() => true);
      expect(await blobs.read(hash)).toBe('value');
      await journal.append('new', 0, commitOf('c2', { blobs: [hash] }));
      await stand.pass(3 * retention);
      expect(await blobs.read(hash)).toBe('value');
    });
  });
}

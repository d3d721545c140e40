import { describe, expect, it } from 'vitest';
import { malformedSubjects, notJson, oddJson } from './forms.ts';
import { DAY, type Open, stringOf, type Traits } from './stand.ts';

export function recordsPart(open: Open, { virtualTime }: Traits): void {
  describe('records', () => {
    it('B1 B2 creates once and gives what is kept ever after', async () => {
      await using stand = await open();
      const { records } = stand.backend;
      expect(await records.read('orders.1')).toBeUndefined();
      expect(await records.create('orders.1', { total: 1 })).toEqual({ created: true, value: { total: 1 } });
      expect(await records.create('orders.1', { total: 2 })).toEqual({ created: false, value: { total: 1 } });
      expect(await records.create('orders.1', { total: 1 })).toEqual({ created: false, value: { total: 1 } });
      expect(await records.create('orders.2', null)).toEqual({ created: true, value: null });
      expect(await records.create('orders.2', 1)).toEqual({ created: false, value: null });
      expect(await records.read('orders.1')).toEqual({ total: 1 });
      expect(await records.read('orders.2')).toBeNull();
      expect(await records.read('orders')).toBeUndefined();
    });

    it('B2 lets exactly one of many concurrent creations win, and tells all its value', async () => {
      await using stand = await open();
      const { records } = stand.backend;
      const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => records.create('orders.1', n)));
      const [winner, ...more] = answers.filter(({ created }) => created);
      expect(more).toEqual([]);
      expect(new Set(answers.map(({ value }) => value))).toEqual(new Set([winner?.value]));
      expect(await records.read('orders.1')).toBe(winner?.value);
    });

    it('B4 keeps any JSON equal, and shares none of it', async () => {
      await using stand = await open();
      const { records } = stand.backend;
      const value = structuredClone(oddJson);
      const created = await records.create('a', value);
      (created.value as unknown[]).length = 0;
      value.length = 0;
      const read = await records.read('a');
      expect(read).toEqual(oddJson);
      (read as unknown[]).length = 0;
      expect(await records.read('a')).toEqual(oddJson);
      expect((await records.create('a', 1)).value).toEqual(oddJson);
    });

    it('B5 refuses what is malformed, no JSON or too large, and keeps nothing', async () => {
      await using stand = await open();
      const { records } = stand.backend;
      for (const key of malformedSubjects) {
        const malformed = { name: 'MalformedError', argument: 'key' };
        await expect(records.create(key, 1)).rejects.toMatchObject(malformed);
        await expect(records.read(key)).rejects.toMatchObject(malformed);
      }
      for (const [, value, reason] of notJson) {
        await expect(records.create('a', { x: value } as never)).rejects.toMatchObject({
          name: 'NotJsonError',
          path: 'value.x',
          message: expect.stringMatching(reason),
        });
      }
      const limit = stand.settings.maxMessageBytes;
      await expect(records.create('a', stringOf(limit + 1))).rejects.toMatchObject({
        name: 'TooLargeError',
        limit,
      });
      expect(await records.read('a')).toBeUndefined();
      expect((await records.create('a', stringOf(limit))).created).toBe(true);
    });

    it.runIf(virtualTime)('never go', async () => {
      await using stand = await open();
      const { records } = stand.backend;
      await records.create('orders.1', 1);
      await stand.pass(100 * stand.settings.retention + DAY);
      expect(await records.create('orders.1', 2)).toEqual({ created: false, value: 1 });
    });
  });
}

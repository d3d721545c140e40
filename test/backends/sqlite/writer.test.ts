import { DatabaseSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RefusedError } from '../../../src/backends/index.ts';
import { Writer } from '../../../src/backends/sqlite/writer.ts';

/** A table of numbers, of which `bad` ones fail: at once (text), or only at the COMMIT (those without a parent). */
function open() {
  const db = new DatabaseSync(':memory:');
  onTestFinished(() => db.close());
  db.exec(`
    CREATE TABLE parents (n INTEGER PRIMARY KEY) STRICT;
    CREATE TABLE numbers (n INTEGER REFERENCES parents DEFERRABLE INITIALLY DEFERRED) STRICT;
    WITH RECURSIVE c (n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM c WHERE n < 9999) INSERT INTO parents SELECT n FROM c;
  `);
  const insert = db.prepare('INSERT INTO numbers VALUES (?)');
  const writer = new Writer(db);
  return {
    writer,
    insert: (n: number | string) =>
      writer.write('test.insert', () => {
        insert.run(n);
        return n;
      }),
    numbers: () =>
      db
        .prepare('SELECT n FROM numbers')
        .all()
        .map(({ n }) => n),
    isTransaction: () => db.isTransaction,
  };
}

describe('the writer', () => {
  it('W1 W2 writes nothing before the turn is over, and all of the turn together', async () => {
    const { writer, insert, numbers, isTransaction } = open();
    const written = [insert(1), insert(2)];
    expect(numbers()).toEqual([]);
    const order: number[] = [];
    for (const [index, one] of written.entries()) void one.then(() => order.push(index));
    const seen = writer.write('test.see', isTransaction);
    await turn();
    expect(await seen).toBe(true);
    expect(isTransaction()).toBe(false);
    expect(numbers()).toEqual([1, 2]);
    expect(order).toEqual([0, 1]);
  });

  it('W3 lets what one refuses harm no other', async () => {
    const { writer, insert, numbers } = open();
    const refused = writer.write('test.refuse', () => {
      throw new RefusedError('no');
    });
    const outcomes = await Promise.allSettled([insert(1), refused, insert(2)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(numbers()).toEqual([1, 2]);
  });

  it.each([
    ['a statement', 'x', 'cannot store TEXT value'],
    ['the COMMIT', 99_999, 'FOREIGN KEY'],
  ])('W1 W4 lets %s that fails harm no other, and leaves nothing of it', async (_, bad, reason) => {
    const { insert, numbers, isTransaction } = open();
    const outcomes = await Promise.allSettled([insert(1), insert(bad), insert(2)]);
    expect(outcomes).toMatchObject([
      { status: 'fulfilled', value: 1 },
      {
        status: 'rejected',
        reason: {
          name: 'UnavailableError',
          message: expect.stringMatching(`No answer to test.insert: .*${reason}`),
          cause: { code: 'ERR_SQLITE_ERROR' },
        },
      },
      { status: 'fulfilled', value: 2 },
    ]);
    expect(numbers()).toEqual([1, 2]);
    expect(isTransaction()).toBe(false);
    await expect(insert(bad)).rejects.toThrow(reason);
    expect(await insert(3)).toBe(3);
  });

  it('W4 leaves nothing of a work that throws what nobody foresaw, and tells it', async () => {
    const { writer, insert, numbers } = open();
    const broken = writer.write('test.break', () => {
      void insert(1);
      throw new TypeError('a mistake');
    });
    await expect(Promise.all([broken, insert(2)])).rejects.toThrow(TypeError);
    await writer.idle();
    expect(numbers()).toContain(2);
  });

  it('W4 tells who keeps something in memory that it is to be forgotten', async () => {
    const { writer, insert } = open();
    let rollbacks = 0;
    writer.onRollback(() => rollbacks++);
    await insert(1);
    expect(rollbacks).toBe(0);
    await Promise.allSettled([insert(2), insert(99_999)]);
    expect(rollbacks).toBe(2);
  });

  it('gives I/O its turn within many works, and is idle after the last', async () => {
    const { writer, insert, numbers } = open();
    const all = Array.from({ length: 9_000 }, (_, n) => insert(n));
    await turn();
    expect(numbers().length).toBeLessThan(9_000);
    await writer.idle();
    expect(numbers()).toEqual(await Promise.all(all));
  });
});

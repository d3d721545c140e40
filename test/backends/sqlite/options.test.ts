import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sqliteBackend } from '../../../src/backends/sqlite/index.ts';
import { makeFolder } from './folder.ts';

const path = 'expected the path of a file';

describe('the options of the SQLite backend', () => {
  it('have defaults but for the file', async () => {
    await using backend = await sqliteBackend({ file: join(makeFolder(), 'a.db'), clock: undefined });
    expect(backend.inbox.ackWait).toBe(30_000);
    const ack = await backend.events.publish({ subject: 'orders.a', id: 'm', body: 1 });
    expect(ack.stream).toBe('ORDERS');
    const large = 'x'.repeat(1024 * 1024 - 1);
    await expect(backend.records.create('a', large)).rejects.toMatchObject({ limit: 1024 * 1024 });
  });

  it.each([
    [{}, `sqliteBackend: file is undefined; ${path}`],
    [{ file: '' }, `sqliteBackend: file is ""; ${path}`],
    [{ file: 'a\0b' }, `sqliteBackend: file is "a\\u0000b"; ${path}, without a NUL`],
    [{ file: ':memory:' }, /file is ":memory:"; expected .* no SQLite URI; .* is for memoryBackend/],
    [{ file: 'file:a.db?mode=ro' }, /no SQLite URI/],
    [{ file: 'a.db', ackWait: 0 }, /^sqliteBackend: ackWait is 0; expected a whole number of milliseconds/],
    [{ file: 'a.db', maxBlobBytes: 2 ** 30 }, /maxBlobBytes is 1073741824; expected 536870912 bytes at most/],
    [{ file: 'a.db', files: 1 }, 'sqliteBackend: there is no option files'],
    [undefined, 'sqliteBackend: options is undefined; expected an object of options'],
  ])('are refused by name, value and expectation: %j', async (options, message) => {
    const error: unknown = await sqliteBackend(options as never).catch((thrown: unknown) => thrown);
    const expected = typeof message === 'string' ? message : expect.stringMatching(message);
    expect(error).toMatchObject({ name: 'InvalidOptionsError', message: expected });
  });
});

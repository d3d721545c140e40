import { expect, test } from 'vitest';
import { JournalConflictError } from '../../../src/backends/index.ts';
import { memoryBackend } from '../../../src/backends/memory/index.ts';
import { signatureOf, signedBy } from '../../../src/cli/crash/backends.ts';

const commit = (id: string) => ({ id, writer: 'service:me', entries: [id] });

test('a signed journal tells who wrote, and whoever writes finds their own name in a conflict', async () => {
  await using backend = memoryBackend();
  const mine = signedBy('w1.1', backend).journal;
  const other = signedBy('w1.2', backend).journal;
  await mine.append('a', 0, commit('first'));
  const stored = await backend.journal.last('a');
  expect(stored?.writer).toBe('service:me@w1.1');
  expect(signatureOf(stored?.writer ?? '')).toBe('w1.1');

  const conflict = (journal: typeof mine) => journal.append('a', 0, commit('second')).catch((error) => error);
  expect(await conflict(mine)).toBeInstanceOf(JournalConflictError);
  expect(await conflict(mine)).toMatchObject({ writer: 'service:me', expected: 0 });
  expect(await conflict(other)).toMatchObject({ writer: 'service:me@w1.1' });
});

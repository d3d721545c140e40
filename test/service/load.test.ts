import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineTask } from '../../machines/task/index.ts';
import { memoryBackend } from '../../src/backends/memory/index.ts';
import { startService } from '../../src/service/index.ts';
import { refuseStrayErrors } from '../machines/supervisor/stray-errors.ts';

refuseStrayErrors();

test('ten thousand requests at once, with places for 64, are each run once, never more than 64 at a time', async () => {
  const TASKS = 10_000;
  const LIMIT = 64;
  let live = 0;
  let most = 0;
  const runs = new Map<string, number>();
  const task = defineTask({ name: 'busy', version: '1', context: z.object({}) })
    .step('work', {
      output: z.null(),
      run: async ({ id }) => {
        live += 1;
        most = Math.max(most, live);
        runs.set(id, (runs.get(id) ?? 0) + 1);
        await new Promise((resolve) => setImmediate(resolve));
        live -= 1;
        return null;
      },
    })
    .build();
  await using backend = memoryBackend();
  const reports: unknown[] = [];
  await using service = await startService({
    backend,
    tasks: [task],
    limit: LIMIT,
    onReport: (report) => reports.push(report),
  });
  const tasks = await Promise.all(Array.from({ length: TASKS }, () => service.submit({ name: 'busy' })));
  const results = await Promise.all(tasks.map((each) => each.result()));
  expect(results.filter(({ status }) => status === 'complete')).toHaveLength(TASKS);
  expect(runs.size).toBe(TASKS);
  expect([...runs.values()].every((times) => times === 1)).toBe(true);
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(LIMIT);
  expect(reports).toEqual([]);
});

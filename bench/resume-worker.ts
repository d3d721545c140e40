/** What `resume.ts` starts and kills. It says when it takes work, and when the effects of all tasks run. */
import { z } from 'zod';
import { defineTask, sqliteBackend } from '../src/index.ts';
import { startService } from '../src/service/index.ts';

const [file = '', count] = process.argv.slice(2);
const tasks = Number(count);
let running = 0;
const hanging = defineTask({ name: 'hanging', version: '1', context: z.object({}), timeout: 3_600_000 })
  .step('hang', {
    output: z.null(),
    run: ({ signal }) => {
      running += 1;
      if (running === tasks) process.send?.('running');
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    },
  })
  .build();

const service = await startService({
  backend: await sqliteBackend({ file }),
  tasks: [hanging],
  limit: tasks,
});
process.send?.('ready');
process.once('disconnect', () => process.exit());
process.once('message', () => {
  for (let n = 1; n <= tasks; n += 1) void service.submit({ id: `hanging-${n}`, name: 'hanging' });
});

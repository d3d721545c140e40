/** What `signals.test.ts` runs as a program of its own. */
import { z } from 'zod';
import { defineTask } from '../../machines/task/index.ts';
import { memoryBackend } from '../../src/backends/memory/index.ts';
import { onStopSignal, startService } from '../../src/service/index.ts';

const way = process.argv[2];
// Keeps the process alive until a signal ends it.
const alive = setInterval(() => {}, 60_000);

if (way === 'drains') {
  const stopped = Promise.withResolvers<void>();
  const task = defineTask({ name: 'work', version: '1', context: z.object({}) })
    .step('work', { output: z.null(), run: () => stopped.promise.then(() => null) })
    .build();
  const service = await startService({ backend: memoryBackend(), tasks: [task] });
  const handle = await service.submit({ name: 'work' });
  onStopSignal(async (exitCode) => {
    const drained = service.drain();
    stopped.resolve();
    await drained;
    console.log(`drained, task ${(await handle.result()).status}`);
    clearInterval(alive);
    process.exitCode = exitCode;
  });
  for await (const { data } of handle.changes()) {
    if (data.status === 'running') break;
  }
} else {
  const remove = onStopSignal((exitCode) => console.log(`asked to stop with ${exitCode}`));
  if (way === 'removed') remove();
}
console.log('running');

/**
 * A task of one's own: two steps, the second after the first.
 *
 *     npx node examples/first-task.ts
 */
import { z } from 'zod';
import { defineTask, memoryBackend, startService } from '../src/index.ts';

const greeting = defineTask({ name: 'greeting', version: '1', context: z.object({ name: z.string() }) })
  .step('greet', { output: z.string(), run: ({ context }) => `Hello, ${context.name}` })
  .step('shout', {
    after: ['greet'],
    output: z.string(),
    run: ({ results }) => `${results.greet.toUpperCase()}!`,
  })
  .build();

await using backend = memoryBackend();
await using service = await startService({ backend, tasks: [greeting] });
const task = await service.submit({ name: 'greeting', context: { name: 'Ada' } });
for await (const { data } of task.changes()) console.log(JSON.stringify(data.changes));
console.log((await task.result()).output);

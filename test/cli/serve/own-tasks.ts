/** Tasks of one's own, as `TASKCHART_TASKS` takes them. */
import { z } from 'zod';
import { defineTask } from '../../../machines/task/index.ts';
import type { Surroundings } from '../../../src/service/index.ts';

export default ({ records }: Surroundings) => [
  defineTask({ name: 'ask', version: '1', context: z.object({ url: z.url() }), timeout: 600_000 })
    .step('first', {
      output: z.string(),
      run: async ({ key }) => String((await records.create('first', key)).value),
    })
    .step('ask', {
      after: ['first'],
      output: z.string(),
      run: async ({ context, key, signal }) =>
        (await fetch(context.url, { signal, headers: { 'idempotency-key': key } })).text(),
    })
    .build(),
];

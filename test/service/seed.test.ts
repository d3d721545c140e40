import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineTask } from '../../machines/task/index.ts';
import { refuseStrayErrors } from '../machines/supervisor/stray-errors.ts';
import { changesOf, openStand, START } from './stand.ts';

refuseStrayErrors();

const order = defineTask({ name: 'order', version: '3', context: z.object({ cart_id: z.int().min(1) }) })
  .step('fetch_cart', { output: z.object({ id: z.int() }), run: ({ context }) => ({ id: context.cart_id }) })
  .step('create_order', {
    after: ['fetch_cart'],
    output: z.object({ order: z.string() }),
    run: ({ results, key }) => ({ order: `order of cart ${results.fetch_cart.id}, ${key}` }),
  })
  .build({ output: ({ create_order }) => create_order });

const request = {
  name: 'order',
  context: { cart_id: 1 },
  initiator: 'user',
  reason: 'Process order',
  source_system: 'web',
  tags: ['first', 'web'],
};

test('a request is made, handled, awaited and followed, as in the seed', async () => {
  await using stand = openStand();
  const service = await stand.serve([order]);
  const task = await service.submit(request);
  expect(task).toMatchObject({ name: 'order', version: '3' });
  expect(task.id).toMatch(/^[A-Za-z0-9_-]{1,128}$/);

  const step = {
    status: 'complete',
    attempts: 1,
    started_at: '2026-01-01T00:00:00.000Z',
    ended_at: '2026-01-01T00:00:00.000Z',
  };
  const ended = {
    id: task.id,
    name: 'order',
    version: '3',
    status: 'complete',
    steps: { fetch_cart: step, create_order: step },
    output: { order: `order of cart 1, ${task.id}/create_order` },
  };
  await expect(task.result()).resolves.toEqual(ended);
  await expect(task.view()).resolves.toEqual(ended);

  const changes = await changesOf(task);
  expect(changes.map(({ data }) => data.status).at(-1)).toBe('complete');
  expect(changes[0]).toMatchObject({
    specversion: '1.0',
    source: '/taskchart',
    type: 'task.changed',
    subject: task.id,
    time: new Date(START).toISOString(),
    datacontenttype: 'application/json',
  });
});

test('what was asked for stands first in the journal, whole', async () => {
  await using stand = openStand();
  const service = await stand.serve([order]);
  const { id } = await service.submit(request);
  const first = await stand.backend.journal.read(id)[Symbol.asyncIterator]().next();
  expect(first.value).toMatchObject({
    entries: [{ type: 'task.requested', version: '3', request: { ...request, id } }],
  });
});

test('a task that fails is a result, not an exception, and its last change says so', async () => {
  const failing = order.provide({
    create_order: () =>
      Promise.reject(Object.assign(new Error('The shop is closed.'), { retryable: false, code: 'closed' })),
  });
  await using stand = openStand();
  const service = await stand.serve([failing]);
  const task = await service.submit(request);
  const result = await task.result();
  expect(result).toMatchObject({
    status: 'error',
    error: { step: 'create_order', code: 'closed', message: 'The shop is closed.' },
    steps: { fetch_cart: { status: 'complete' }, create_order: { status: 'error', attempts: 1 } },
  });
  expect(result).not.toHaveProperty('output');
  expect((await changesOf(task)).at(-1)?.data).toMatchObject({ status: 'error', changes: expect.anything() });
});

import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { createOrder, orderTask } from '../../machines/order/index.ts';
import { defineTask } from '../../machines/task/index.ts';
import { type Backend, MissingBlobError } from '../../src/backends/index.ts';
import { memoryBackend } from '../../src/backends/memory/index.ts';
import { natsBackend } from '../../src/backends/nats/index.ts';
import { sqliteBackend } from '../../src/backends/sqlite/index.ts';
import { type Service, startService, type TaskHandle } from '../../src/service/index.ts';
import { type NatsServer, startNatsServer } from '../backends/nats/nats-server.ts';
import { makeFolder } from '../backends/sqlite/folder.ts';
import { collect } from '../conformance/stand.ts';
import { seedCart } from '../machines/order/fixtures.ts';
import { refuseStrayErrors } from '../machines/supervisor/stray-errors.ts';
import { changesOf, echoTask, openStand, work } from './stand.ts';

refuseStrayErrors();

/** As large as a real shop's: 300 kB. */
const catalogue = Array.from({ length: 240 }, (_, index) => ({
  id: index + 1,
  title: `Product ${index + 1} ${'x'.repeat(1_150)}`,
  price: 10 + index / 100,
  stock: 1_000_000,
  availabilityStatus: 'In Stock',
}));

const orders = orderTask.provide({
  fetch_cart: async () => seedCart,
  fetch_products: async () => catalogue,
  create_order: async ({ id, results }) => createOrder(id, results.validate_products, 0),
  publish_event: async () => ({
    event_id: 'e',
    subject: 's',
    stream: 'ORDERS',
    sequence: 1,
    duplicate: false,
    acknowledged_at: new Date(0).toISOString(),
  }),
});

const giving = (output: unknown) =>
  defineTask({ name: 'giving', version: '1', context: z.record(z.string(), z.unknown()) })
    .step('give', { output: z.unknown(), run: () => output })
    .build({ output: ({ give }) => give });

const bytesOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

async function runOrders(service: Service, count: number): Promise<Set<string>> {
  const submit = (_: unknown, index: number): Promise<TaskHandle> =>
    service.submit({ id: `order-${index}`, name: 'order', context: { cart_id: 1 } });
  const tasks = await Promise.all(Array.from({ length: count }, submit));
  const results = await Promise.all(tasks.map((task) => task.result()));
  return new Set(results.map(({ status }) => status));
}

test('1,000 orders over one catalogue of 300 kB keep it once', async () => {
  const file = join(makeFolder(), 'test.db');
  const backend = await sqliteBackend({ file });
  const service = await startService({ backend, tasks: [orders], limit: 64 });
  expect(bytesOf(catalogue)).toBeGreaterThan(290_000);
  expect(await runOrders(service, 1_000)).toEqual(new Set(['complete']));
  const commits = await collect(backend.journal.read('order-999'));
  const hashes = new Set(commits.flatMap(({ blobs = [] }) => blobs));
  expect(hashes.size).toBe(1);
  expect(await backend.blobs.read([...hashes][0] ?? '')).toEqual(catalogue);
  await service.drain();
  await backend.close();
  // 20 kB an order for all else: entries, change events, and their indices.
  expect(statSync(file).size).toBeLessThan(1_000 * 20_000 + 2 * 300_000);
}, 120_000);

let server: NatsServer;
beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server[Symbol.asyncDispose]());

describe.each<[string, () => Promise<Backend>]>([
  ['memory', async () => memoryBackend()],
  ['sqlite', () => sqliteBackend({ file: join(makeFolder(), 'test.db') })],
  ['nats', () => natsBackend({ servers: server.url })],
])('a task with large values on the %s backend', (_, open) => {
  test('has them whole in context, events, steps, results and output, and goes on with them after a restart', async () => {
    await using backend = await open();
    const id = randomUUID();
    const seen: unknown[] = [];
    const gate = Promise.withResolvers<void>();
    const tasks = [
      defineTask({ name: 'large', version: '1', context: z.object({ catalogue: z.array(z.unknown()) }) })
        .step('give', {
          output: z.unknown(),
          run: ({ context }) => ({ given: context.catalogue, more: 'x'.repeat(2_000_000) }),
        })
        .step('take', {
          after: ['give'],
          output: z.unknown(),
          run: async ({ results }) => {
            seen.push(results.give);
            await gate.promise;
            return 'taken';
          },
        })
        .build({ output: ({ give }) => give }),
    ];
    const given = { given: catalogue, more: 'x'.repeat(2_000_000) };
    const first = await startService({ backend, tasks, drainWithin: 0 });
    await first.submit({ id, name: 'large', context: { catalogue } });
    await vi.waitFor(() => expect(seen).toHaveLength(1));
    await first.drain();
    await using second = await startService({ backend, tasks });
    await vi.waitFor(() => expect(seen).toHaveLength(2));
    gate.resolve();
    const task = await second.task(id);
    const result = await task.result();
    expect(result).toMatchObject({ status: 'complete', output: given });
    expect(seen).toEqual([given, given]);
    await expect(task.view()).resolves.toEqual(result);
    for await (const commit of backend.journal.read(id)) expect(bytesOf(commit)).toBeLessThan(10_000);
  });

  test('that are too large even so fails that step, with the size and the limit, and no other task', async () => {
    await using backend = await open();
    const text = 'x'.repeat(17 * 1024 * 1024);
    await using service = await startService({ backend, tasks: [giving({ of: { text } }), echoTask] });
    const task = await service.submit({ name: 'giving' });
    const other = await service.submit({ name: 'echo', context: { catalogue } });
    await expect(task.result()).resolves.toMatchObject({
      status: 'error',
      error: { step: 'give', code: 'refused', message: expect.stringMatching(/17825794.*16777216/) },
      steps: { give: { status: 'error', attempts: 1 } },
    });
    await expect(other.result()).resolves.toMatchObject({ status: 'complete', output: { catalogue } });
  });
});

test('who waits for a result reads no large value but those in it', async () => {
  await using stand = openStand();
  const read = vi.spyOn(stand.backend.blobs, 'read');
  const service = await stand.serve([orders]);
  const task = await service.submit({ id: 'a', name: 'order', context: { cart_id: 1 } });
  const result = task.result();
  await stand.pass();
  await expect(result).resolves.toMatchObject({ status: 'complete' });
  expect(read).not.toHaveBeenCalled();
});

describe('a value that is too large for a change event', () => {
  test('is left out of it, with its size in its place; no change is lost', async () => {
    const output = { text: 'x'.repeat(1_500_000) };
    await using stand = openStand();
    const service = await stand.serve([giving(output)]);
    const task = await service.submit({ id: 'a', name: 'giving' });
    await stand.pass();
    await expect(task.result()).resolves.toMatchObject({ output });
    const changes = await changesOf(task);
    expect(changes.at(-1)?.data).toMatchObject({ status: 'complete' });
    expect(changes.at(-1)?.data.changes.at(-1)).toEqual({
      status: 'complete',
      output_omitted: bytesOf(output),
    });
    expect(stand.reports).toEqual([]);
  });
});

describe('a value that is gone', () => {
  test('is told by task, entry, place and hash; the task is tried again, and others go on', async () => {
    await using stand = openStand();
    const { task, begun, finish } = work();
    const giver = giving(catalogue);
    const first = await stand.serve([task], { drainWithin: 0 });
    await first.submit({ id: 'a', name: 'work' });
    await stand.pass();
    const large = await (await stand.serve([giver])).submit({
      id: 'b',
      name: 'giving',
      context: { catalogue },
    });
    await stand.pass();
    await expect(large.result()).resolves.toMatchObject({ status: 'complete' });
    const read = vi.spyOn(stand.backend.blobs, 'read').mockResolvedValue(undefined);
    await expect(large.result()).rejects.toThrow(MissingBlobError);
    await expect(large.view()).rejects.toThrow(
      /Entry 0 of commit \d+ of task "b" refers at "\/request\/context\/catalogue" to blob/,
    );
    finish('a');
    await stand.pass();
    await expect((await first.task('a')).result()).resolves.toMatchObject({ status: 'complete' });
    expect(begun).toEqual(['a']);
    read.mockRestore();
    await expect(large.result()).resolves.toMatchObject({ output: catalogue });
  });

  test('keeps a task from being taken up, which is reported and tried again', async () => {
    await using stand = openStand();
    const one = work();
    const first = await stand.serve([one.task], { drainWithin: 0 });
    await stand.backend.inbox.submit({
      taskId: 'a',
      name: 'work',
      body: { context: {}, reason: 'x'.repeat(40_000) },
    });
    await stand.pass();
    expect(one.begun).toEqual(['a']);
    await stand.drain(first);
    const read = vi.spyOn(stand.backend.blobs, 'read').mockResolvedValue(undefined);
    const other = work();
    await stand.serve([other.task]);
    await stand.pass();
    expect(stand.reports).toMatchObject([
      { type: 'task.refused', id: 'a', error: { name: 'MissingBlobError' } },
    ]);
    read.mockRestore();
    await stand.pass(60_000);
    expect(other.begun).toEqual(['a']);
  });
});

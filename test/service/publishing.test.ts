import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { PermanentError } from '../../machines/step/index.ts';
import { defineTask } from '../../machines/task/index.ts';
import { type OutgoingMessage, type PublishAck, UnavailableError } from '../../src/backends/index.ts';
import type { Surroundings } from '../../src/service/index.ts';
import { refuseStrayErrors } from '../machines/supervisor/stray-errors.ts';
import { openStand } from './stand.ts';

refuseStrayErrors();

const ackSchema = z.object({ stream: z.string(), sequence: z.number(), duplicate: z.boolean() });

const announcing = ({ publish }: Surroundings) => [
  defineTask({ name: 'announce', version: '1', context: z.object({}) })
    .step('publish', {
      output: ackSchema,
      retry: { attempts: 'unlimited', baseDelay: 1_000, maxDelay: 30_000, jitter: 'none' },
      run: ({ id, key }) => publish({ subject: `orders.created.${id}`, id: key, body: { id }, once: true }),
    })
    .build({ output: ({ publish }) => publish }),
];

/** A stand whose bus answers orders as the test says; change events pass. */
function standWithBus(
  answer: (attempt: number, message: OutgoingMessage) => Promise<PublishAck> | undefined,
) {
  const attempts: number[] = [];
  const stand = openStand(({ events }) => ({
    events: {
      publish: (message) => {
        if (!message.subject.startsWith('orders.')) return events.publish(message);
        attempts.push(stand.clock.now());
        return answer(attempts.length, message) ?? events.publish(message);
      },
    },
  }));
  return { stand, attempts };
}

describe('a step that publishes', () => {
  test('makes one attempt an ask, and has the acknowledgement for its output', async () => {
    const { stand, attempts } = standWithBus(() => undefined);
    await using _ = stand;
    const service = await stand.serve(announcing);
    const task = await service.submit({ id: 'a', name: 'announce' });
    await expect(task.result()).resolves.toMatchObject({
      status: 'complete',
      output: { stream: 'ORDERS', sequence: 1, duplicate: false },
    });
    expect(attempts).toHaveLength(1);
  });

  test('waits, where it is seen, until the bus is back', async () => {
    const away = new UnavailableError('events.publish', { cause: 'no connection' });
    const { stand, attempts } = standWithBus((attempt) => (attempt <= 8 ? Promise.reject(away) : undefined));
    await using _ = stand;
    const service = await stand.serve(announcing);
    const task = await service.submit({ id: 'a', name: 'announce' });
    await stand.pass(10_000);
    await expect(task.view()).resolves.toMatchObject({
      status: 'running',
      steps: { publish: { status: 'waiting_for_retry', attempts: 4, error: { message: away.message } } },
    });
    await stand.pass(140_000);
    await expect(task.result()).resolves.toMatchObject({
      status: 'complete',
      steps: { publish: { attempts: 9 } },
    });
    const waits = attempts.map((time, index) => time - (attempts[index - 1] ?? time)).slice(1);
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  test('is failed at once by a refusal', async () => {
    const refused = new PermanentError('No stream takes it.', { code: 'refused' });
    const { stand, attempts } = standWithBus(() => Promise.reject(refused));
    await using _ = stand;
    const service = await stand.serve(announcing);
    const task = await service.submit({ id: 'a', name: 'announce' });
    await expect(task.result()).resolves.toMatchObject({
      status: 'error',
      error: { step: 'publish', code: 'refused', message: 'No stream takes it.' },
    });
    expect(attempts).toHaveLength(1);
  });

  test('of an ask whose answer was lost publishes no second time: it learns where the first one is', async () => {
    const lost = new UnavailableError('events.publish', { cause: 'the answer was lost' });
    let stored: PublishAck | undefined;
    const { stand } = standWithBus((attempt, message) => {
      if (attempt > 1) return undefined;
      return (async () => {
        stored = await stand.backend.events.publish({
          ...message,
          subject: `orders.created.${message.subject.slice(15)}`,
        });
        throw lost;
      })();
    });
    await using _ = stand;
    const service = await stand.serve(announcing);
    const task = await service.submit({ id: 'a', name: 'announce' });
    await stand.pass(5_000);
    const { output } = await task.result();
    expect(output).toEqual({ ...stored, duplicate: true });
  });

  test('for many tasks at once loses none, while the bus comes and goes', async () => {
    const away = new UnavailableError('events.publish', { cause: 'no connection' });
    const { stand } = standWithBus((attempt) => (attempt % 3 === 0 ? undefined : Promise.reject(away)));
    await using _ = stand;
    const published: string[] = [];
    await using _subscribed = await stand.backend.events.subscribe('orders.created.*', {}, ({ subject }) => {
      published.push(subject);
    });
    const service = await stand.serve(announcing, { limit: 10 });
    const ids = Array.from({ length: 40 }, (_, index) => `t${index}`);
    const tasks = await Promise.all(ids.map((id) => service.submit({ id, name: 'announce' })));
    await stand.pass(600_000);
    for (const task of tasks) await expect(task.view()).resolves.toMatchObject({ status: 'complete' });
    expect(published.toSorted()).toEqual(ids.map((id) => `orders.created.${id}`).toSorted());
  });
});

test('an effect that publishes after the service has stopped is told what a step retries', async () => {
  let publish: Surroundings['publish'] | undefined;
  await using stand = openStand();
  const service = await stand.serve((surroundings) => {
    publish = surroundings.publish;
    return announcing(surroundings);
  });
  await stand.drain(service);
  const late = publish?.({ subject: 'orders.created.a', id: 'a', body: {} });
  await expect(late).rejects.toMatchObject({
    name: 'RetryableError',
    retryable: true,
    code: 'supervisor_stopped',
  });
});

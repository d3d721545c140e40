import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineTask } from '../../machines/task/index.ts';
import { UnavailableError } from '../../src/backends/index.ts';
import { refuseStrayErrors } from '../machines/supervisor/stray-errors.ts';
import { changesOf, deliveryWith, openStand, soFar } from './stand.ts';

refuseStrayErrors();

type Fault = 'none' | 'not done' | 'answer lost';

/** Two steps, the first of which fails once in every run of the task. */
const task = defineTask({
  name: 'work',
  version: '1',
  context: z.object({ n: z.int() }),
  // A clock that jumps makes attempts time out.
  retry: { attempts: 'unlimited', baseDelay: 2_000, jitter: 'none' },
})
  .step('first', {
    output: z.int(),
    run: ({ attempt, context }) => {
      if (attempt === 1) throw new Error('not yet');
      return context.n;
    },
  })
  .step('second', { after: ['first'], output: z.int(), run: ({ results }) => results.first * 2 })
  .build({ output: ({ second }) => second });

test('whatever a backend does not answer, and however often services come and go, every task ends once, and rightly', async () => {
  const fault = fc.oneof(
    { weight: 5, arbitrary: fc.constant<Fault>('none') },
    fc.constantFrom<Fault>('not done', 'answer lost'),
  );
  const happening = fc.record({
    do: fc.constantFrom('submit', 'pass', 'pass', 'replace', 'cancel', 'jump'),
    ms: fc.integer({ min: 0, max: 20_000 }),
    n: fc.nat({ max: 4 }),
  });
  const property = fc.asyncProperty(
    fc.array(happening, { minLength: 3, maxLength: 15 }),
    fc.infiniteStream(fault),
    async (happenings, faults) => {
      let healthy = false;
      const faulty = async <Answer>(call: string, ask: () => Promise<Answer>): Promise<Answer> => {
        const { value } = healthy ? { value: 'none' as const } : faults.next();
        if (value === 'not done') throw new UnavailableError(call, { cause: 'no connection' });
        const answer = await ask();
        if (value === 'answer lost') throw new UnavailableError(call, { cause: 'the answer was lost' });
        return answer;
      };
      await using stand = openStand(({ journal, inbox, events }) => ({
        journal: { append: (...args) => faulty('journal.append', () => journal.append(...args)) },
        events: { publish: (message) => faulty('events.publish', () => events.publish(message)) },
        inbox: {
          submit: (request) => faulty('inbox.submit', () => inbox.submit(request)),
          deliver: (event) => faulty('inbox.deliver', () => inbox.deliver(event)),
          take: (options, onDelivery) =>
            inbox.take(options, (delivery) =>
              onDelivery(
                deliveryWith(delivery, {
                  acknowledge: () => faulty('acknowledge', () => delivery.acknowledge()),
                  handBack: (until) => faulty('handBack', () => delivery.handBack(until)),
                  refuse: (reason) => faulty('refuse', () => delivery.refuse(reason)),
                }),
              ),
            ),
        },
      }));
      const options = { limit: 2, drainWithin: 1_000 };
      let service = await stand.serve([task], options);
      await stand.serve([task], options);
      const cancelled = new Set<string>();
      const submit = async (n: number) => {
        const request = { id: `t${n}`, name: 'work', context: { n } };
        await service
          .submit(request)
          .catch(() => service.submit(request))
          .catch(() => {});
      };
      for (const { do: what, ms, n } of happenings) {
        if (what === 'submit') await submit(n);
        if (what === 'pass') await stand.pass(ms);
        if (what === 'jump') stand.clock.set(stand.clock.now() + 10 * ms);
        if (what === 'replace') {
          await stand.drain(service);
          service = await stand.serve([task], options);
        }
        if (what === 'cancel') {
          const handle = await service.task(`t${n}`).catch(() => undefined);
          if (handle) cancelled.add(handle.id);
          // Not awaited: it resolves once it is durable, and the journal may have to be asked again.
          handle?.cancel().catch(() => {});
          await stand.pass();
        }
      }
      healthy = true;
      for (const n of [0, 1, 2, 3, 4]) await submit(n);
      await stand.pass(300_000);

      for (const n of [0, 1, 2, 3, 4]) {
        const handle = await service.task(`t${n}`);
        const result = await soFar(handle.result());
        if (result === 'pending') throw new Error(`Task t${n} does not end.`);
        if (!cancelled.has(handle.id) || result.status === 'complete') {
          expect(result).toMatchObject({
            status: 'complete',
            output: 2 * n,
          });
        } else expect(result.status).toBe('cancelled');
        const ends: unknown[] = [];
        for await (const { entries } of stand.backend.journal.read(handle.id)) {
          ends.push(...entries.filter((entry) => (entry as { type: string }).type === 'task.ended'));
        }
        expect(ends).toHaveLength(1);
        // A bus that does not answer five times loses a change, and it is reported.
        if (stand.reports.some((report) => report.type === 'change.unpublished' && report.id === handle.id))
          continue;
        const changes = await soFar(changesOf(handle));
        if (changes === 'pending') throw new Error(`The changes of t${n} do not end.`);
        expect(changes.at(-1)?.data.status).toBe(result.status);
        expect(new Set(changes.map(({ id }) => id)).size).toBe(changes.length);
      }
    },
  );
  await fc.assert(property, { numRuns: 100 });
});

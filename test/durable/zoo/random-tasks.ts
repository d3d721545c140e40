import fc from 'fast-check';
import { RetryableError } from '../../../machines/step/index.ts';
import { taskFromData } from '../../../machines/task/index.ts';
import { graphs } from '../../machines/task/random-graph.ts';
import type { Animal } from '../world.ts';
import { attemptName } from './tasks.ts';

/** Tasks of steps that depend on one another at random, some of which need several attempts. */
export const randomTasks: fc.Arbitrary<Animal> = graphs(6).chain((graph) =>
  fc
    .array(fc.record({ takes: fc.integer({ min: 0, max: 60 }), failures: fc.integer({ min: 0, max: 2 }) }), {
      minLength: graph.length,
      maxLength: graph.length,
    })
    .map((lives) => ({
      name: `a task of ${graph.map(({ name, after }) => `${name} after [${after}]`).join(', ')}`,
      input: { id: 'task', context: {} },
      runName: attemptName('task'),
      machine: (world) =>
        taskFromData({
          name: 'random',
          version: '1',
          retry: { attempts: 3, baseDelay: 7, maxDelay: 10, jitter: 'none' },
          steps: graph.map(({ name, after }) => ({ name, after })),
        }).provide(
          Object.fromEntries(
            graph.map(({ name }, place) => [
              name,
              async ({ key, attempt, signal }) => {
                const run = `${key} attempt ${attempt}`;
                world.did('run', run);
                signal.addEventListener('abort', () => world.did('stop', run));
                await world.clock.sleep(lives[place]?.takes ?? 0);
                if (attempt <= (lives[place]?.failures ?? 0)) throw new RetryableError('Not yet.');
                return `${name} ${attempt}`;
              },
            ]),
          ),
        ).machine,
    })),
);

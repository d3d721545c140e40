import { once } from 'node:events';
import { createActor, fromPromise, toPromise, waitFor } from 'xstate';
import {
  type CreateTask,
  poolOf,
  publisherOf,
  publishThrough,
  type SupervisorRef,
  supervisorMachine,
} from '../../machines/supervisor/index.ts';
import type { OutgoingMessage, PublishAck } from '../../src/backends/index.ts';
import { CONTEXT, stubbedOrderTask } from '../workload.ts';
import type { OpenSystem } from './system.ts';

/** The supervisor and its pool, without a backend: what spawning, publishing and settling cost. */
export const openSupervisor: OpenSystem = async (inFlight) => {
  let published = 0;
  let supervisor: SupervisorRef;
  const { machine } = stubbedOrderTask((message) =>
    publishThrough<OutgoingMessage, PublishAck>(supervisor, message),
  );
  const createTask: CreateTask = (id) => createActor(machine, { input: { id, context: CONTEXT } });
  supervisor = createActor(
    supervisorMachine.provide({
      actors: {
        open: fromPromise(async () => {}),
        intake: fromPromise(async ({ signal }) => {
          await once(signal, 'abort');
        }),
        pool: poolOf({ createTask, keepAliveEvery: 10_000 }),
        publisher: publisherOf(async () => {
          published += 1;
          return { stream: 'ORDERS', sequence: published, duplicate: false };
        }),
      },
    }),
    { input: { limit: inFlight, drainWithin: 1_000 } },
  );
  supervisor.start();
  await waitFor(supervisor, (snapshot) => snapshot.hasTag('accepting'));
  const pool = supervisor.system.get('pool');
  return {
    run: (taskId) =>
      new Promise((resolve, reject) => {
        const delivery = {
          message: { kind: 'request', taskId, body: undefined },
          attempt: 1,
          acknowledge: async () => resolve(),
          handBack: async () => reject(new Error(`Order ${taskId} was handed back`)),
          keepAlive: () => {},
        };
        pool.send({ type: 'task.offer', delivery });
      }),
    published: () => published,
    async [Symbol.asyncDispose]() {
      supervisor.send({ type: 'supervisor.drain' });
      await toPromise(supervisor);
    },
  };
};

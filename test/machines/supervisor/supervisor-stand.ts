/** What a test of the supervisor stands on: its machine in virtual time, with a real pool and fakes for the rest. */
import { once } from 'node:events';
import { type Actor, createActor, fromCallback, fromPromise } from 'xstate';
import {
  type IntakeInput,
  poolOf,
  publisherOf,
  supervisorMachine,
} from '../../../machines/supervisor/index.ts';
import { VirtualClock } from '../../virtual-time.ts';
import { FakeOffer, FakeTask, turns } from './pool-stand.ts';

/** What stands in for a supervisor's actors; its tasks are {@link FakeTask}s. */
export interface Fakes {
  open?: () => Promise<void>;
  intake?: (input: IntakeInput, signal: AbortSignal) => Promise<void>;
  publish?: (message: unknown) => Promise<unknown>;
  /** Hears nothing and says nothing. */
  deafPool?: boolean;
}

/** An inbox that hands over nothing by itself. */
export const taken = async (_: IntakeInput, signal: AbortSignal) => {
  if (!signal.aborted) await once(signal, 'abort');
};

export function startSupervisor({
  open = async () => {},
  intake = taken,
  publish = async () => 'stored',
  deafPool,
}: Fakes = {}) {
  const clock = new VirtualClock();
  const made: FakeTask[] = [];
  const reports: unknown[] = [];
  const pool = poolOf({
    createTask: (id) => {
      const task = new FakeTask(id);
      made.push(task);
      return task;
    },
    keepAliveEvery: 10_000,
  });
  const supervisor = createActor(
    supervisorMachine.provide({
      actors: {
        open: fromPromise(open),
        intake: fromPromise(({ input, signal }) => intake(input, signal)),
        pool: deafPool ? (fromCallback(() => {}) as typeof pool) : pool,
        publisher: publisherOf(publish),
      },
      actions: { report: (_, { report }) => reports.push(report) },
    }),
    { input: { limit: 7, drainWithin: 5_000 }, clock },
  ).start();
  return { clock, made, reports, supervisor };
}

/** Offers a request for a task and lets what follows happen. */
export async function offer(supervisor: Actor<typeof supervisorMachine>, taskId: string): Promise<FakeOffer> {
  const delivery = new FakeOffer({ taskId });
  supervisor.system.get('pool').send({ type: 'task.offer', delivery });
  await turns(2);
  return delivery;
}

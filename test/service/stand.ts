/** What a test of the service stands on: a backend in virtual time, services on it, and a task whose work the test ends. */
import { z } from 'zod';
import { defineTask } from '../../machines/task/index.ts';
import type { Actors, Backend, Delivery, EventBus, Inbox, Journal } from '../../src/backends/index.ts';
import { type MemoryOptions, memoryBackend } from '../../src/backends/memory/index.ts';
import {
  type ChangeEvent,
  type RunnableTask,
  type Service,
  type ServiceOptions,
  type ServiceReport,
  startService,
  type TaskHandle,
} from '../../src/service/index.ts';
import { START, turns } from '../machines/supervisor/pool-stand.ts';
import { VirtualClock } from '../virtual-time.ts';

export { START, turns };

/** A task of one step, `work`, that goes on until the test ends it; its effect obeys its signal. */
export interface Work {
  readonly task: RunnableTask;
  /** The ids of tasks whose effect was called, in order. */
  readonly begun: string[];
  /** The ids of those whose signal was aborted. */
  readonly aborted: string[];
  /** Lets the work of a task succeed. */
  finish(id: string, output?: unknown): void;
  fail(id: string, error: unknown): void;
}

export interface WorkOptions {
  readonly name?: string;
  readonly version?: string;
  readonly baseDelay?: number;
  /** Does not hear its signal. */
  readonly deaf?: boolean;
}

export function work({
  name = 'work',
  version = '1',
  baseDelay = 10_000,
  deaf = false,
}: WorkOptions = {}): Work {
  const begun: string[] = [];
  const aborted: string[] = [];
  const current = new Map<string, PromiseWithResolvers<unknown>>();
  const task = defineTask({
    name,
    version,
    context: z.object({ cart_id: z.int().min(1).optional() }),
    retry: { jitter: 'none', baseDelay, attempts: 3 },
    timeout: 2_147_483_647,
  })
    .step('work', {
      output: z.unknown(),
      run: ({ id, signal }) => {
        begun.push(id);
        const attempt = Promise.withResolvers<unknown>();
        current.set(id, attempt);
        signal.addEventListener('abort', () => {
          aborted.push(id);
          if (!deaf) attempt.reject(signal.reason);
        });
        return attempt.promise;
      },
    })
    .build({ output: ({ work }) => work });
  const of = (id: string) => {
    const attempt = current.get(id);
    if (!attempt) throw new Error(`The work of "${id}" has not begun.`);
    return attempt;
  };
  return {
    task,
    begun,
    aborted,
    finish: (id, output = 'done') => of(id).resolve(output),
    fail: (id, error) => of(id).reject(error),
  };
}

/** A task that is done as soon as it is begun: what it gives is its context. */
export const echoTask = defineTask({ name: 'echo', version: '1', context: z.record(z.string(), z.unknown()) })
  .step('echo', { output: z.unknown(), run: ({ context }) => context })
  .build({ output: ({ echo }) => echo });

/** A task whose chart is not of the engine's making. */
export function charted(
  machine: unknown,
  { name = 'charted', version = '1' }: { name?: string; version?: string } = {},
): RunnableTask {
  return {
    name,
    version,
    steps: [],
    machine: machine as RunnableTask['machine'],
    parseContext: (context) => context,
    parseOutput: async (_, output) => output,
  };
}

export interface Stand extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly backend: Backend;
  readonly reports: ServiceReport[];
  /** Starts a service on the backend; it is drained with the stand. */
  serve(tasks: ServiceOptions['tasks'], options?: Partial<ServiceOptions>): Promise<Service>;
  /** Ends a service as a process that is killed does: nothing is told to anybody, what it held lapses. */
  kill(service: Service): Promise<void>;
  /** Lets what is under way happen, time pass, and what follows from it happen. @param ms @default none */
  pass(ms?: number): Promise<void>;
  /** Drains a service, letting time pass as long as it takes. */
  drain(service: Service): Promise<Awaited<ReturnType<Service['drain']>>>;
}

/** Parts of a backend that stand in for its own. */
export type Replace = (backend: Backend) => {
  readonly journal?: Partial<Journal>;
  readonly inbox?: Partial<Inbox>;
  readonly events?: Partial<EventBus>;
  readonly actors?: Partial<Actors>;
};

export function openStand(replace: Replace = () => ({}), options: MemoryOptions = {}): Stand {
  const clock = new VirtualClock(START);
  const memory = memoryBackend({ clock, ...options });
  const parts = replace(memory);
  const backend: Backend = {
    ...memory,
    journal: withParts(memory.journal, parts.journal),
    inbox: withParts(memory.inbox, parts.inbox),
    events: withParts(memory.events, parts.events),
    actors: withParts(memory.actors, parts.actors),
  };
  const reports: ServiceReport[] = [];
  const services: Service[] = [];
  const pass = async (ms = 0) => {
    await turns(15);
    if (ms > 0) {
      await clock.advance(ms);
      await turns(15);
    }
  };
  const drain = async (service: Service) => {
    const drained = service.drain();
    let isOver = false;
    drained.then(
      () => (isOver = true),
      () => (isOver = true),
    );
    await pass();
    for (let seconds = 0; !isOver && seconds < 120; seconds += 1) await pass(1_000);
    if (!isOver) throw new Error('The service does not drain.');
    return drained;
  };
  return {
    clock,
    backend,
    reports,
    async serve(tasks, serviceOptions) {
      const service = await startService({
        backend,
        tasks,
        clock,
        alwaysReplay: true,
        onReport: (report) => reports.push(report),
        ...serviceOptions,
      });
      services.push(service);
      await pass();
      return service;
    },
    async kill(service) {
      services.splice(services.indexOf(service), 1);
      service.supervisor.stop();
      await pass(backend.inbox.ackWait);
    },
    pass,
    drain,
    async [Symbol.asyncDispose]() {
      for (const service of services) await drain(service);
      await memory.close();
    },
  };
}

function withParts<Part extends object>(part: Part, parts: Partial<Part> = {}): Part {
  return new Proxy(part, {
    get(target, name) {
      const given = (parts as Record<PropertyKey, unknown>)[name];
      if (given !== undefined) return given;
      const own: unknown = Reflect.get(target, name, target);
      return typeof own === 'function' ? own.bind(target) : own;
    },
  });
}

/** All changes of a task that has ended or ends by itself. */
export async function changesOf(task: TaskHandle): Promise<ChangeEvent[]> {
  const changes: ChangeEvent[] = [];
  for await (const change of task.changes()) changes.push(change);
  return changes;
}

/** What a promise has come to by now. */
export async function soFar<T>(promise: Promise<T>): Promise<T | 'pending'> {
  await turns(5);
  return Promise.race([promise, Promise.resolve('pending' as const)]);
}

/** A delivery with some of its own in its place; what is left is done on the delivery itself. */
export function deliveryWith(delivery: Delivery, parts: Partial<Delivery>): Delivery {
  return {
    message: delivery.message,
    attempt: delivery.attempt,
    acknowledge: () => delivery.acknowledge(),
    handBack: (until) => delivery.handBack(until),
    refuse: (reason) => delivery.refuse(reason),
    keepAlive: () => delivery.keepAlive(),
    ...parts,
  };
}

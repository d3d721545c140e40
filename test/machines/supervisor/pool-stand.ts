/** What a test of the pool stands on: a pool with a parent that hears its reports, and deliveries and tasks that remember. */
import { createActor, setup } from 'xstate';
import {
  type CreateTask,
  type Offer,
  type PoolEvent,
  type PoolReport,
  poolOf,
  type TaskActor,
} from '../../../machines/supervisor/index.ts';
import { VirtualClock } from '../../virtual-time.ts';

export const START = Date.UTC(2026, 0, 1);

/** Lets everything that can happen without time going by happen. */
export async function turns(count = 10): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A delivery that remembers how it was settled. */
export class FakeOffer implements Offer {
  readonly message: Offer['message'];
  readonly attempt: number;
  /** `acknowledged`, `handed back`, or `handed back until` a time in ms after the start. */
  readonly settled: string[] = [];
  beats = 0;
  /** Runs when it is settled, before that is confirmed; throws or rejects where the inbox does not hear. */
  onSettle: () => void | Promise<void> = () => {};

  constructor(message: Partial<Offer['message']> & { taskId: string }, attempt = 1) {
    this.message = { kind: 'request', name: 'task', body: {}, ...message };
    this.attempt = attempt;
  }

  async acknowledge(): Promise<void> {
    this.settled.push('acknowledged');
    await this.onSettle();
  }

  async handBack(until?: number): Promise<void> {
    this.settled.push(until === undefined ? 'handed back' : `handed back until ${until - START}`);
    await this.onSettle();
  }

  async refuse(reason: string): Promise<void> {
    this.settled.push(`refused: ${reason}`);
    await this.onSettle();
  }

  keepAlive(): void {
    this.beats += 1;
  }
}

type Observer = Parameters<TaskActor['subscribe']>[0];

/** A task actor whose life the test decides. */
export class FakeTask implements TaskActor {
  readonly id: string;
  state: 'made' | 'live' | 'ended' | 'crashed' | 'parked' | 'released' | 'stopped' = 'made';
  /** Without it, `stop` stands for it. */
  release?(): Promise<void>;
  readonly events: { type: string }[] = [];
  #observer: Observer | undefined;

  constructor(id: string) {
    this.id = id;
  }

  subscribe(observer: Observer): { unsubscribe(): void } {
    this.#observer = observer;
    return {
      unsubscribe: () => {
        this.#observer = undefined;
      },
    };
  }

  start(): void {
    this.state = 'live';
  }

  send(event: { type: string }): unknown {
    this.events.push(event);
    return true;
  }

  stop(): void {
    this.state = 'stopped';
  }

  getSnapshot(): unknown {
    return { id: this.id, state: this.state };
  }

  end(): void {
    this.state = 'ended';
    this.#observer?.complete();
  }

  /** @param until In ms after the start. */
  park(until?: number): void {
    this.state = 'parked';
    this.#observer?.parked(until === undefined ? undefined : START + until);
  }

  clear(): void {
    this.#observer?.cleared();
  }

  crash(error: unknown): void {
    this.state = 'crashed';
    this.#observer?.error(error);
  }
}

export interface PoolStand extends Disposable {
  readonly clock: VirtualClock;
  readonly reports: PoolReport[];
  /** Every task that was made, in order. */
  readonly made: FakeTask[];
  /** The last task that was made of an id. */
  task(id: string): FakeTask;
  send(event: PoolEvent): void;
  /** Offers a delivery and lets what follows from it happen. */
  offer(message: Partial<Offer['message']> & { taskId: string }, attempt?: number): Promise<FakeOffer>;
  /** Sends an event to a task; whether the pool says that it lives here. */
  sendTo(id: string, event: { type: string }): Promise<boolean>;
  report(id: string): unknown;
  /** The pool's actor goes, as with its supervisor. */
  stop(): void;
}

export interface PoolStandOptions {
  /** @default makes a {@link FakeTask} */
  readonly createTask?: (
    make: (id: string) => FakeTask,
    ...args: Parameters<CreateTask>
  ) => ReturnType<CreateTask>;
  readonly keepAliveEvery?: number;
}

export function openPool({ createTask, keepAliveEvery = 10_000 }: PoolStandOptions = {}): PoolStand {
  const clock = new VirtualClock(START);
  const reports: PoolReport[] = [];
  const made: FakeTask[] = [];
  const make = (id: string) => {
    const task = new FakeTask(id);
    made.push(task);
    return task;
  };
  const pool = poolOf({
    createTask: (...args) => (createTask ? createTask(make, ...args) : make(args[0])),
    keepAliveEvery,
  });
  const parent = setup({
    types: { events: {} as PoolReport },
    actors: { pool },
    actions: { keep: (_, { report }: { report: PoolReport }) => reports.push(report) },
  }).createMachine({
    invoke: { id: 'pool', systemId: 'pool', src: 'pool' },
    on: { '*': { actions: { type: 'keep', params: ({ event }) => ({ report: event }) } } },
  });
  const actor = createActor(parent, { clock }).start();
  const ref = actor.system.get('pool');
  const send = (event: PoolEvent) => ref.send(event);
  return {
    clock,
    reports,
    made,
    task(id) {
      const task = made.findLast((each) => each.id === id);
      if (!task) throw new Error(`No task "${id}" was made.`);
      return task;
    },
    send,
    async offer(message, attempt) {
      const delivery = new FakeOffer(message, attempt);
      send({ type: 'task.offer', delivery });
      await turns(2);
      return delivery;
    },
    sendTo: (id, event) =>
      new Promise((resolve) => send({ type: 'task.send', id, event, reply: resolve as never })),
    report(id) {
      let snapshot: unknown;
      send({ type: 'task.report', id, reply: (it) => (snapshot = it) });
      return snapshot;
    },
    stop: () => actor.stop(),
    [Symbol.dispose]: () => actor.stop(),
  };
}

import { type ActorRefFrom, assign, fromPromise, sendTo, setup } from 'xstate';
import { RetryableError } from '../step/index.ts';
import { type PoolLogic, type PoolReport, poolOf } from './pool.ts';
import { type PublishAsk, publisherOf } from './publisher.ts';

export interface SupervisorInput {
  /** How many tasks may live at a time. */
  readonly limit: number;
  /** How long running tasks may take to end once it drains, in ms; then they are handed back. */
  readonly drainWithin: number;
}

export type SupervisorEvent = { readonly type: 'supervisor.drain' } | PublishAsk | PoolReport;

export interface SupervisorOutput {
  /** Deliveries given back to the inbox unfinished. */
  readonly handedBack: number;
  /** Why it could not start. */
  readonly error?: unknown;
}

/** The inbox cannot be taken from; it is tried again. */
export interface IntakeFailure {
  readonly type: 'intake.failed';
  readonly error: unknown;
}

interface SupervisorContext extends SupervisorInput, SupervisorOutput {}

/** What takes from the inbox: it sends each delivery to the actor with the system id `pool`, until it is stopped. */
export type IntakeInput = Pick<SupervisorInput, 'limit'>;

/** How long the inbox is left alone after it refused to be taken from, in ms. */
const INTAKE_RETRY = 1_000;
/** How long handing back may take, in ms: an inbox that is away gets its messages back by their time running out. */
const HAND_BACK_WITHIN = 5_000;

const unfilled = (name: string) => () => {
  throw new Error(
    `The supervisor's actor "${name}" is not filled in; give it with .provide({ actors: { ${name} } }).`,
  );
};

/**
 * Spawns task actors for what the inbox hands over, publishes their events, and drains.
 *
 *     starting → accepting ──── supervisor.drain ──→ draining ─→ stopped
 *                 taking ⇄ waiting                    finishing → handingBack
 *
 * It knows no backend: its actors are filled in by `.provide()`. The tasks live in one `pool` actor, which costs the same
 * however many there are.
 */
export const supervisorMachine = setup({
  types: {
    context: {} as SupervisorContext,
    events: {} as SupervisorEvent,
    input: {} as SupervisorInput,
    output: {} as SupervisorOutput,
    children: {} as { open: 'open'; intake: 'intake'; pool: 'pool'; publisher: 'publisher' },
  },
  actors: {
    /** Makes ready what the others work with. */
    open: fromPromise<void>(unfilled('open')),
    /** Takes from the inbox until stopped; ends before that when it cannot. */
    intake: fromPromise<void, IntakeInput>(unfilled('intake')),
    pool: poolOf({ createTask: unfilled('pool'), keepAliveEvery: 10_000 }) satisfies PoolLogic,
    publisher: publisherOf(unfilled('publisher')),
  },
  actions: {
    /** Told of everything that went wrong without ending the supervisor. Filled in by the service, which logs. */
    report: (_, _report: { report: PoolReport | IntakeFailure }) => {},
    drainPool: sendTo('pool', { type: 'pool.drain' }),
    releasePool: sendTo('pool', { type: 'pool.release' }),
    publish: sendTo('publisher', (_, { ask }: { ask: PublishAsk }) => ask),
  },
  delays: {
    drainWithin: ({ context }) => context.drainWithin,
    handBackWithin: HAND_BACK_WITHIN,
    intakeRetry: INTAKE_RETRY,
  },
}).createMachine({
  id: 'supervisor',
  context: ({ input }) => ({ ...input, handedBack: 0 }),
  invoke: [
    { id: 'pool', systemId: 'pool', src: 'pool' },
    { id: 'publisher', systemId: 'publisher', src: 'publisher' },
  ],
  initial: 'starting',
  on: {
    'event.publish': {
      description: 'A task asks for one attempt to publish its event.',
      actions: { type: 'publish', params: ({ event }) => ({ ask: event }) },
    },
    'task.crashed': {
      description: 'The actor of a task broke; it is run again, the others go on.',
      actions: { type: 'report', params: ({ event }) => ({ report: event }) },
    },
    'task.refused': {
      description: 'The actor of a task could not be made; its delivery comes again.',
      actions: { type: 'report', params: ({ event }) => ({ report: event }) },
    },
    'task.lost': {
      description: 'Another process runs the task now; this one keeps nothing of it.',
      actions: { type: 'report', params: ({ event }) => ({ report: event }) },
    },
    'delivery.unsettled': {
      description:
        'The inbox did not hear that a message is done with, or an event did not reach its task; it comes again.',
      actions: { type: 'report', params: ({ event }) => ({ report: event }) },
    },
  },
  states: {
    starting: {
      description: 'Makes ready what it works with.',
      tags: ['starting'],
      invoke: {
        id: 'open',
        src: 'open',
        onDone: 'accepting',
        onError: { target: 'stopped', actions: assign(({ event }) => ({ error: event.error })) },
      },
      on: { 'supervisor.drain': 'stopped' },
    },
    accepting: {
      description: 'Takes new work as places come free.',
      tags: ['accepting'],
      initial: 'taking',
      on: { 'supervisor.drain': 'draining' },
      states: {
        taking: {
          description: 'The inbox hands over messages, at most as many as there are places.',
          tags: ['taking'],
          invoke: {
            id: 'intake',
            src: 'intake',
            input: ({ context }) => ({ limit: context.limit }),
            onDone: 'waiting',
            onError: {
              target: 'waiting',
              actions: {
                type: 'report',
                params: ({ event }) => ({ report: { type: 'intake.failed' as const, error: event.error } }),
              },
            },
          },
        },
        waiting: {
          description: 'The inbox cannot be taken from; what lives goes on.',
          tags: ['waiting'],
          after: { intakeRetry: 'taking' },
        },
      },
    },
    draining: {
      description: 'Takes no new work.',
      tags: ['draining'],
      initial: 'finishing',
      entry: 'drainPool',
      on: {
        'pool.drained': {
          target: 'stopped',
          actions: assign(({ event }) => ({ handedBack: event.handedBack })),
        },
      },
      states: {
        finishing: {
          description: 'Lets what lives come to its end, within a bound.',
          tags: ['finishing'],
          after: { drainWithin: 'handingBack' },
        },
        handingBack: {
          description: 'Stops what still lives and hands it back to the inbox.',
          tags: ['handing_back'],
          entry: 'releasePool',
          after: { handBackWithin: '#supervisor.stopped' },
        },
      },
    },
    stopped: {
      type: 'final',
      description: 'Nothing lives here any more.',
      tags: ['stopped'],
    },
  },
  output: ({ context }) => ({
    handedBack: context.handedBack,
    ...(context.error !== undefined && { error: context.error }),
  }),
});

export type SupervisorRef = ActorRefFrom<typeof supervisorMachine>;

/**
 * Publishes through a supervisor: one attempt, which resolves with the acknowledgement.
 *
 * @throws {RetryableError} The supervisor has stopped.
 */
export function publishThrough<Message, Acknowledgement>(
  supervisor: SupervisorRef,
  message: Message,
): Promise<Acknowledgement> {
  const { promise, resolve, reject } = Promise.withResolvers<Acknowledgement>();
  if (supervisor.getSnapshot().status === 'active') {
    supervisor.send({ type: 'event.publish', message, resolve: resolve as PublishAsk['resolve'], reject });
  } else {
    reject(new RetryableError('The supervisor has stopped.', { code: 'supervisor_stopped' }));
  }
  return promise;
}

import {
  type ActorRefFrom,
  assign,
  createMachine,
  forwardTo,
  fromPromise,
  sendTo,
  setup,
  stopChild,
} from 'xstate';
import { effectKey } from '../../../src/durable/index.ts';
import type { Animal } from '../world.ts';

/** Machines of promises, callbacks and observables. */

const retry: Animal = {
  name: 'onError, what was thrown, and another attempt after a wait',
  differs: 'errors are plain objects',
  machine: (world) =>
    setup({
      types: { context: {} as { attempt: number; errors: unknown[]; got?: string } },
      actors: {
        call: world.promise(({ attempt }: { attempt: number }) => {
          if (attempt === 1)
            throw Object.assign(new TypeError('busy', { cause: new Error('deep') }), { code: 503 });
          if (attempt === 2) throw { plain: ['json'] };
          return `answer ${attempt}`;
        }),
      },
      delays: { backoff: ({ context }) => 100 * context.attempt },
    }).createMachine({
      id: 'retry',
      context: { attempt: 1, errors: [] },
      initial: 'calling',
      states: {
        calling: {
          invoke: {
            id: 'call',
            src: 'call',
            input: ({ context }) => ({ attempt: context.attempt }),
            onDone: { target: 'over', actions: assign({ got: ({ event }) => event.output }) },
            onError: {
              target: 'backingOff',
              actions: assign({ errors: ({ context, event }) => [...context.errors, event.error] }),
            },
          },
        },
        backingOff: {
          exit: assign({ attempt: ({ context }) => context.attempt + 1 }),
          after: { backoff: 'calling' },
        },
        over: { type: 'final' },
      },
      output: ({ context }) => context.got,
    }),
};

const again: Animal = {
  name: 'the same invoke entered again while its last run is still under way',
  timely: true,
  machine: (world) => {
    const slow = world.promise(({ round }: { round: number }) => round, 100);
    return setup({
      types: { context: {} as { round: number; got: number[] } },
      actors: { slow },
    }).createMachine({
      id: 'again',
      context: { round: 1, got: [] },
      initial: 'working',
      states: {
        working: {
          invoke: {
            id: 'slow',
            src: 'slow',
            input: ({ context }) => ({ round: context.round }),
            onDone: {
              target: 'over',
              actions: assign({ got: ({ context, event }) => [...context.got, event.output] }),
            },
          },
          on: {
            again: {
              target: 'working',
              reenter: true,
              actions: [assign({ round: ({ context }) => context.round + 1 }), world.act('again')],
            },
          },
        },
        over: { type: 'final' },
      },
      output: ({ context }) => context.got,
    });
  },
  script: [1, 2].map((round) => ({
    when: (s) => s.context.round === round,
    event: { type: 'again' },
  })),
};

const late: Animal = {
  name: 'a result that comes when its actor has just been replaced',
  machine: (world) =>
    setup({
      types: { context: {} as { round: number; got: number[] } },
      actors: {
        bell: world.promise(() => {}, 10),
        slow: world.promise(({ round }: { round: number }) => round, 10),
      },
    }).createMachine({
      id: 'late',
      context: { round: 1, got: [] },
      invoke: {
        id: 'bell',
        src: 'bell',
        onDone: { target: '.working', actions: assign({ round: 2 }) },
      },
      initial: 'working',
      states: {
        working: {
          invoke: {
            id: 'slow',
            src: 'slow',
            input: ({ context }) => ({ round: context.round }),
            onDone: {
              target: 'over',
              actions: assign({ got: ({ context, event }) => [...context.got, event.output] }),
            },
          },
        },
        over: { type: 'final' },
      },
      output: ({ context }) => context.got,
    }),
};

const crowd: Animal = {
  name: 'promises spawned in assign, named and unnamed',
  differs: 'XState numbers the unnamed through the whole process',
  machine: (world) => {
    const work = world.promise(({ n }: { n: number }) => n * n, 20);
    return setup({
      types: { context: {} as { refs: unknown[]; squares: Record<string, number>; left: number } },
      actors: { work },
    }).createMachine({
      id: 'crowd',
      context: ({ spawn }) => ({
        refs: [
          spawn('work', { id: 'one', input: { n: 1 } }),
          spawn('work', { input: { n: 2 } }),
          spawn('work', { input: { n: 3 } }),
        ],
        squares: {},
        left: 4,
      }),
      entry: assign({
        refs: ({ context, spawn }) => [...context.refs, spawn('work', { id: 'a/b#c', input: { n: 4 } })],
      }),
      on: {
        'xstate.done.actor.*': {
          actions: [
            assign({
              squares: ({ context, event }) => {
                const { actorId, output } = event as unknown as { actorId: string; output: number };
                return { ...context.squares, [actorId]: output };
              },
              left: ({ context }) => context.left - 1,
            }),
            world.act('counted'),
          ],
        },
      },
      initial: 'counting',
      states: {
        counting: { always: { guard: ({ context }) => context.left === 0, target: 'over' } },
        over: { type: 'final' },
      },
      output: ({ context }) => Object.entries(context.squares).sort(),
    });
  },
};

const pingPong: Animal = {
  name: 'a callback that is sent to, and answers',
  machine: (world) => {
    const server = world.callback<{ type: 'ping'; n: number }>(({ receive, sendBack }) => {
      receive(({ n }) => {
        world.clock.setTimeout(() => sendBack({ type: 'pong', n }), 5);
      });
    });
    return setup({
      types: { context: {} as { n: number }, events: {} as { type: 'pong'; n: number } | { type: 'never' } },
      actors: { server },
    }).createMachine({
      id: 'pingPong',
      context: { n: 1 },
      invoke: { id: 'server', src: 'server' },
      initial: 'pinging',
      states: {
        pinging: {
          entry: sendTo('server', ({ context }) => ({ type: 'ping', n: context.n })),
          on: {
            pong: {
              // Asked again after a crash, it answers again.
              guard: ({ context, event }) => event.n === context.n,
              target: 'next',
              actions: assign({ n: ({ context }) => context.n + 1 }),
            },
          },
        },
        next: {
          after: { 10: [{ guard: ({ context }) => context.n <= 3, target: 'pinging' }, { target: 'over' }] },
        },
        over: { type: 'final', entry: world.act('over') },
      },
      output: ({ context }) => context.n,
    });
  },
};

const feed: Animal = {
  name: 'an observable and its snapshots',
  machine: (world) => {
    const ticks = world.observable<number, { to: number }>((observer, { to }) => {
      for (let n = 1; n <= to; n += 1) world.clock.setTimeout(() => observer.next(n), 10 * n);
      world.clock.setTimeout(() => observer.complete(), 10 * to + 5);
    });
    return setup({ types: { context: {} as { highest: number } }, actors: { ticks } }).createMachine({
      id: 'feed',
      context: { highest: 0 },
      initial: 'on',
      states: {
        on: {
          invoke: {
            id: 'ticks',
            src: 'ticks',
            input: { to: 3 },
            // After a crash it tells from the start again.
            onSnapshot: {
              actions: assign({
                highest: ({ context, event }) => Math.max(context.highest, event.snapshot.context ?? 0),
              }),
            },
            onDone: 'over',
          },
        },
        over: { type: 'final' },
      },
      output: ({ context }) => context.highest,
    });
  },
};

const news: Animal = {
  name: 'an observable of events, and one that fails',
  differs: 'errors are plain objects',
  machine: (world) => {
    type Told = { type: 'told'; what: string };
    const paper = world.eventObservable<Told, undefined>((observer) => {
      world.clock.setTimeout(() => observer.next({ type: 'told', what: 'a' }), 10);
      world.clock.setTimeout(() => observer.next({ type: 'told', what: 'b' }), 20);
      world.clock.setTimeout(() => observer.error(new Error('printer')), 30);
    });
    return setup({
      types: { context: {} as { told: string[]; error?: unknown }, events: {} as Told },
      actors: { paper },
    }).createMachine({
      id: 'news',
      context: { told: [] },
      initial: 'reading',
      states: {
        reading: {
          invoke: {
            id: 'paper',
            src: 'paper',
            onError: { target: 'over', actions: assign({ error: ({ event }) => event.error }) },
          },
          on: {
            told: {
              guard: ({ context, event }) => !context.told.includes(event.what),
              actions: [
                assign({ told: ({ context, event }) => [...context.told, event.what] }),
                world.act('read'),
              ],
            },
          },
        },
        over: { type: 'final' },
      },
      output: ({ context }) => context,
    });
  },
};

const inline: Animal = {
  name: 'inline logic, stopped and forwarded to',
  machine: (world) => {
    const quick = fromPromise<string, undefined>(async ({ self }) => {
      world.did('run', effectKey(self));
      await world.clock.sleep(5);
      return 'inline';
    });
    const never = world.callback(() => {});
    return createMachine({
      types: {} as { context: { ref?: ActorRefFrom<typeof never>; got?: string } },
      id: 'inline',
      context: {},
      initial: 'first',
      states: {
        first: {
          entry: assign({ ref: ({ spawn }) => spawn(never, { systemId: 'never' }) }),
          invoke: {
            src: quick,
            onDone: { target: 'second', actions: assign({ got: ({ event }) => event.output }) },
          },
        },
        second: {
          entry: stopChild(({ context }) => context.ref ?? ''),
          invoke: {
            id: 'listener',
            src: world.callback(({ receive, sendBack }) =>
              receive(({ type }) => sendBack({ type: `heard ${type}` })),
            ),
          },
          on: { knock: { actions: forwardTo('listener') }, 'heard knock': 'over' },
        },
        over: { type: 'final', entry: assign({ ref: undefined as never }) },
      },
      output: ({ context }) => context.got,
    });
  },
  script: [{ when: (s) => s.matches('second'), event: { type: 'knock' } }],
};

export const effects: readonly Animal[] = [retry, again, late, crowd, pingPong, feed, news, inline];

import {
  assign,
  emit,
  enqueueActions,
  fromTransition,
  log,
  sendParent,
  sendTo,
  setup,
  spawnChild,
  stopChild,
} from 'xstate';
import type { Animal, World } from '../world.ts';

/** Machines of machines. */

function worker(world: World) {
  const step = world.promise(({ n }: { n: number }) => `step ${n}`, 10);
  const tool = setup({
    types: { input: {} as { n: number }, context: {} as { n: number; got?: string } },
    actors: { step },
  }).createMachine({
    context: ({ input }) => ({ n: input.n }),
    initial: 'working',
    states: {
      working: {
        invoke: {
          id: 'step',
          src: 'step',
          input: ({ context }) => ({ n: context.n }),
          onDone: { target: 'cooling', actions: assign({ got: ({ event }) => event.output }) },
        },
      },
      cooling: { entry: sendParent({ type: 'warm' }), after: { 30: 'cold' } },
      cold: { type: 'final' },
    },
    output: ({ context }) => context.got,
  });
  return setup({
    types: { input: {} as { name: string }, context: {} as { name: string; got: unknown[]; warm: number } },
    actors: { tool },
  }).createMachine({
    context: ({ input }) => ({ name: input.name, got: [], warm: 0 }),
    on: { warm: { actions: assign({ warm: ({ context }) => context.warm + 1 }) } },
    initial: 'first',
    states: {
      first: {
        invoke: {
          id: 'tool',
          src: 'tool',
          input: { n: 1 },
          onDone: {
            target: 'second',
            actions: assign({ got: ({ context, event }) => [...context.got, event.output] }),
          },
        },
      },
      second: {
        invoke: {
          id: 'tool',
          src: 'tool',
          input: { n: 2 },
          onDone: {
            target: 'asking',
            actions: assign({ got: ({ context, event }) => [...context.got, event.output] }),
          },
        },
      },
      asking: {
        entry: sendParent(({ context }) => ({ type: 'may I', name: context.name })),
        on: { yes: 'over' },
      },
      over: { type: 'final' },
    },
    output: ({ context }) => ({ got: context.got, warm: context.warm }),
  });
}

const generations: Animal = {
  name: 'child machines of child machines, with promises and timers, that talk',
  machine: (world) =>
    setup({
      types: { context: {} as { got: Record<string, unknown>; asked: number } },
      actors: { worker: worker(world) },
    }).createMachine({
      id: 'generations',
      context: { got: {}, asked: 0 },
      invoke: ['ann', 'bob'].map((id) => ({
        id,
        src: 'worker' as const,
        input: { name: id },
        onDone: {
          actions: [
            assign({ got: ({ context, event }) => ({ ...context.got, [id]: event.output }) }),
            world.act(`done ${id}`),
          ],
        },
      })),
      on: {
        'may I': {
          actions: [
            assign({ asked: ({ context }) => context.asked + 1 }),
            sendTo(({ event }) => (event as unknown as { name: string }).name, { type: 'yes' }),
          ],
        },
      },
      initial: 'on',
      states: {
        on: { always: { guard: ({ context }) => Object.keys(context.got).length === 2, target: 'over' } },
        over: { type: 'final' },
      },
      output: ({ context }) => context,
    }),
};

const counter: Animal = {
  name: 'a transition logic, its snapshots, and emitting',
  machine: (world) => {
    const count = fromTransition(
      (state: { n: number }, event: { type: 'add'; by: number }, { emit: tell }) => {
        tell({ type: 'added' });
        return { n: state.n + event.by };
      },
      { n: 0 },
    );
    return setup({
      types: {
        context: {} as { n: number },
        events: {} as { type: 'add'; by: number },
        emitted: {} as { type: 'reached'; n: number },
      },
      actors: { count },
    }).createMachine({
      id: 'counter',
      context: { n: 0 },
      initial: 'on',
      states: {
        on: {
          invoke: {
            id: 'count',
            src: 'count',
            onSnapshot: {
              actions: [
                assign({ n: ({ event }) => event.snapshot.context.n }),
                emit(({ context }) => ({ type: 'reached', n: context.n })),
              ],
            },
          },
          on: { add: { actions: [sendTo('count', ({ event }) => event), world.act('add')] } },
          always: { guard: ({ context }) => context.n >= 6, target: 'over' },
        },
        over: { type: 'final' },
      },
      output: ({ context }) => context.n,
    });
  },
  script: [1, 2, 3].map((by, index) => ({
    when: (s) => s.context.n === [0, 1, 3][index],
    event: { type: 'add', by },
  })),
};

const brood: Animal = {
  name: 'children without ids, spawned and stopped by actions with parameters',
  machine: (world) => {
    const chick = world.callback<{ type: 'feed' }>(({ receive, sendBack }) => {
      receive(() => sendBack({ type: 'fed' }));
    });
    return setup({
      types: { context: {} as { fed: number } },
      actors: { chick },
      actions: {
        say: (_, { words }: { words: string }) => world.did('act', words),
        hatch: enqueueActions(({ enqueue }, { id }: { id: string }) => {
          enqueue.spawnChild('chick', { id });
          enqueue(() => world.did('act', `hatched ${id}`));
          enqueue(() => world.did('act', 'enqueued'));
        }),
      },
    }).createMachine({
      id: 'brood',
      context: { fed: 0 },
      entry: [spawnChild('chick'), log('hatching'), { type: 'hatch', params: { id: 'pip' } }],
      on: { fed: { actions: assign({ fed: ({ context }) => context.fed + 1 }) } },
      initial: 'one',
      states: {
        one: {
          on: {
            more: {
              target: 'two',
              actions: [
                { type: 'hatch', params: { id: 'pop' } },
                stopChild('pip'),
                emit({ type: 'chirp' }),
                { type: 'say', params: ({ context }) => ({ words: `fed ${context.fed}` }) },
              ],
            },
          },
        },
        two: { on: { more: 'three' }, exit: [stopChild('pop'), { type: 'hatch', params: { id: 'pop' } }] },
        three: { entry: sendTo('pop', { type: 'feed' }), on: { fed: 'over' } },
        over: { type: 'final' },
      },
      output: ({ context }) => context.fed,
    });
  },
  script: [
    { when: (s) => s.matches('one'), event: { type: 'more' } },
    { when: (s) => s.matches('two'), event: { type: 'more' } },
  ],
};

const trouble: Animal = {
  name: 'a child that throws in a guard, a handler for it, and an error nobody handles',
  differs: 'errors are plain objects',
  machine: (world) => {
    const broken = setup({ actors: { ask: world.promise(() => 1) } }).createMachine({
      initial: 'asking',
      states: {
        asking: { invoke: { id: 'ask', src: 'ask', onDone: 'told' } },
        told: {
          always: {
            guard: () => {
              throw new Error('no judge');
            },
            target: 'asking',
          },
        },
      },
    });
    return setup({
      types: { context: {} as { message?: string } },
      actors: { broken, fail: world.promise(() => Promise.reject(new RangeError('too far'))) },
    }).createMachine({
      id: 'trouble',
      context: {},
      initial: 'first',
      states: {
        first: {
          invoke: {
            id: 'broken',
            src: 'broken',
            onError: {
              target: 'second',
              actions: assign({ message: ({ event }) => (event.error as Error).message }),
            },
          },
        },
        second: { entry: world.act('second'), invoke: { id: 'fail', src: 'fail' } },
      },
    });
  },
};

const switchboard: Animal = {
  name: 'machines that rest without an end, reached by systemId',
  machine: (world) => {
    const phone = setup({ types: { context: {} as { calls: number } } }).createMachine({
      context: { calls: 0 },
      initial: 'idle',
      states: {
        idle: {
          on: { ring: { target: 'busy', actions: assign({ calls: ({ context }) => context.calls + 1 }) } },
        },
        busy: { entry: world.act('busy'), after: { 20: 'idle' } },
      },
    });
    const dial = (systemId: string) => sendTo(({ system }) => system.get(systemId), { type: 'ring' });
    return setup({ actors: { phone } }).createMachine({
      id: 'switchboard',
      invoke: [
        { id: 'a', src: 'phone', systemId: 'phone-a' },
        { id: 'b', src: 'phone', systemId: 'phone-b' },
      ],
      initial: 'on',
      states: {
        on: {
          on: { a: { target: 'rung', actions: dial('phone-a') } },
        },
        rung: { on: { b: { target: 'resting', actions: [dial('phone-b'), dial('phone-a')] } } },
        resting: {},
      },
    });
  },
  timely: true,
  script: [
    { when: (s) => s.matches('on'), event: { type: 'a' } },
    { when: (s) => s.matches('rung'), event: { type: 'b' } },
  ],
};

export const families: readonly Animal[] = [generations, counter, brood, trouble, switchboard];

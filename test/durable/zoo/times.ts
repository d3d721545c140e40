import { assign, cancel, enqueueActions, raise, sendTo, setup } from 'xstate';
import type { Animal } from '../world.ts';

/** Machines of delays. */

const lights: Animal = {
  name: 'after, named delays and delays from the context',
  machine: (world) =>
    setup({
      types: { context: {} as { rounds: number } },
      delays: { amber: ({ context }) => 100 * (context.rounds + 1) },
    }).createMachine({
      id: 'lights',
      context: { rounds: 0 },
      initial: 'green',
      states: {
        green: { entry: world.act('green'), after: { 1000: 'amber' } },
        amber: { after: { amber: 'red' } },
        red: {
          exit: assign({ rounds: ({ context }) => context.rounds + 1 }),
          after: {
            500: [{ guard: ({ context }) => context.rounds < 2, target: 'green' }, { target: 'off' }],
          },
        },
        off: { type: 'final' },
      },
      output: ({ context }) => context.rounds,
    }),
};

const cancelled: Animal = {
  name: 'raise with a delay, and cancel',
  timely: true,
  machine: (world) =>
    setup({ types: { context: {} as { heard: string[] } } }).createMachine({
      id: 'cancelled',
      context: { heard: [] },
      entry: [
        raise({ type: 'first' }, { delay: 100, id: 'first' }),
        raise({ type: 'second' }, { delay: 200, id: 'second' }),
        raise({ type: 'third' }, { delay: 300 }),
        raise({ type: 'fourth' }, { delay: 400 }),
      ],
      on: {
        '*': { actions: assign({ heard: ({ context, event }) => [...context.heard, event.type] }) },
        calm: {
          actions: [
            cancel('second'),
            world.act('calm'),
            raise({ type: 'second' }, { delay: 1000, id: 'second' }),
          ],
        },
        third: {
          actions: [cancel('second'), assign({ heard: ({ context }) => [...context.heard, 'third'] })],
        },
        fourth: '.over',
      },
      initial: 'listening',
      states: { listening: {}, over: { type: 'final' } },
      output: ({ context }) => context.heard,
    }),
  script: [{ when: (s) => (s.context.heard as string[]).includes('first'), event: { type: 'calm' } }],
};

const reminders: Animal = {
  name: 'sendTo with a delay to a child, each from enqueueActions',
  machine: (world) => {
    const child = setup({
      types: {
        context: {} as { got: number[] },
        events: {} as { type: 'ring'; n: number },
        output: {} as number[],
      },
    }).createMachine({
      context: { got: [] },
      initial: 'on',
      states: {
        on: {
          on: {
            ring: {
              actions: [
                assign({ got: ({ context, event }) => [...context.got, event.n] }),
                world.act('ring'),
              ],
            },
          },
          always: { guard: ({ context }) => context.got.length === 3, target: 'over' },
        },
        over: { type: 'final' },
      },
      output: ({ context }) => context.got,
    });
    return setup({ actors: { child }, types: { context: {} as { got?: number[] } } }).createMachine({
      id: 'reminders',
      context: {},
      invoke: {
        id: 'child',
        src: 'child',
        onDone: { target: '.over', actions: assign({ got: ({ event }) => event.output }) },
      },
      entry: enqueueActions(({ enqueue }) => {
        for (const n of [3, 1, 2]) enqueue.sendTo('child', { type: 'ring', n }, { delay: 100 * n });
      }),
      initial: 'on',
      states: { on: {}, over: { type: 'final' } },
      output: ({ context }) => context.got,
    });
  },
};

const patience: Animal = {
  name: 'a timer that is armed again on every entry of its state',
  machine: (world) =>
    setup({
      types: { context: {} as { tries: number } },
      actors: { ask: world.promise(() => Promise.reject(new Error('later'))) },
    }).createMachine({
      id: 'patience',
      context: { tries: 0 },
      initial: 'asking',
      states: {
        asking: {
          entry: assign({ tries: ({ context }) => context.tries + 1 }),
          invoke: { id: 'ask', src: 'ask', onError: 'waiting' },
        },
        waiting: {
          after: {
            1000: [{ guard: ({ context }) => context.tries < 4, target: 'asking' }, { target: 'over' }],
          },
        },
        over: { type: 'final' },
      },
      output: ({ context }) => context.tries,
    }),
};

const distance: Animal = {
  name: 'delayed sends between siblings',
  machine: (world) => {
    const far = setup({ types: { context: {} as { hops: number } } }).createMachine({
      context: { hops: 0 },
      on: {
        hop: {
          actions: [
            assign({ hops: ({ context }) => context.hops + 1 }),
            world.act('hop'),
            sendTo(({ system }) => system.get('near'), { type: 'back' }, { delay: 40 }),
          ],
        },
      },
    });
    const near = setup({ types: { context: {} as { left: number } } }).createMachine({
      context: { left: 3 },
      initial: 'on',
      states: {
        on: {
          entry: sendTo(({ system }) => system.get('far'), { type: 'hop' }, { delay: 10 }),
          on: {
            back: {
              target: 'on',
              reenter: true,
              actions: assign({ left: ({ context }) => context.left - 1 }),
            },
          },
          always: { guard: ({ context }) => context.left === 0, target: 'over' },
        },
        over: { type: 'final' },
      },
    });
    return setup({ actors: { far, near } }).createMachine({
      id: 'distance',
      invoke: [
        { id: 'far', src: 'far', systemId: 'far' },
        { id: 'near', src: 'near', systemId: 'near', onDone: '.over' },
      ],
      initial: 'on',
      states: { on: {}, over: { type: 'final' } },
      output: 'there and back',
    });
  },
};

export const times: readonly Animal[] = [lights, cancelled, reminders, patience, distance];

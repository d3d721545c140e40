import { assign, raise, setup } from 'xstate';
import type { Animal } from '../world.ts';

/** Machines whose states are what is hard about them. */

const player: Animal = {
  name: 'hierarchy, deep and shallow history',
  machine: (world) =>
    setup({
      types: { context: {} as { heard: string[] } },
      actions: { note: assign({ heard: ({ context, event }) => [...context.heard, event.type] }) },
    }).createMachine({
      id: 'player',
      context: { heard: [] },
      initial: 'playing',
      states: {
        playing: {
          initial: 'album',
          entry: world.act('play'),
          exit: world.act('pause'),
          on: { pause: { target: 'paused', actions: 'note' }, end: 'over' },
          states: {
            album: {
              initial: 'first',
              on: { mix: '.second', leave: 'radio' },
              states: { first: { on: { next: 'second' } }, second: { on: { next: 'third' } }, third: {} },
            },
            radio: {},
            deep: { type: 'history', history: 'deep' },
            shallow: { type: 'history' },
          },
        },
        paused: {
          on: {
            resume: { target: 'playing.deep', actions: 'note' },
            restart: { target: 'playing.shallow', actions: 'note' },
          },
        },
        over: { type: 'final' },
      },
      output: ({ context }) => context.heard.join(' '),
    }),
  script: [
    { when: (s) => s.matches({ playing: { album: 'first' } }), event: { type: 'next' } },
    { when: (s) => s.matches({ playing: { album: 'second' } }), event: { type: 'next' } },
    { when: (s) => s.matches({ playing: { album: 'third' } }), event: { type: 'pause' } },
    { when: (s) => s.matches('paused'), event: { type: 'resume' } },
    { when: (s) => s.matches({ playing: { album: 'third' } }), event: { type: 'pause' } },
    { when: (s) => s.matches('paused'), event: { type: 'restart' } },
    { when: (s) => s.matches({ playing: { album: 'first' } }), event: { type: 'mix' } },
    { when: (s) => s.matches({ playing: { album: 'second' } }), event: { type: 'unheard of' } },
    { when: () => true, event: { type: 'end' } },
  ],
};

const regions: Animal = {
  name: 'parallel regions with promises, done states and outputs',
  machine: (world) =>
    setup({
      types: { context: {} as { a?: number; b?: number; sum?: number } },
      actors: {
        two: world.promise(() => 2, 30),
        three: world.promise(() => 3, 10),
      },
    }).createMachine({
      id: 'regions',
      context: {},
      initial: 'both',
      states: {
        both: {
          type: 'parallel',
          onDone: 'adding',
          states: {
            left: {
              initial: 'asking',
              states: {
                asking: {
                  invoke: {
                    id: 'two',
                    src: 'two',
                    onDone: { target: 'told', actions: assign({ a: ({ event }) => event.output }) },
                  },
                },
                told: { type: 'final' },
              },
            },
            right: {
              initial: 'asking',
              states: {
                asking: {
                  invoke: {
                    id: 'three',
                    src: 'three',
                    onDone: { target: 'waiting', actions: assign({ b: ({ event }) => event.output }) },
                  },
                },
                waiting: { after: { 50: 'told' } },
                told: { type: 'final' },
              },
            },
          },
        },
        adding: {
          entry: [world.act('add'), assign({ sum: ({ context }) => (context.a ?? 0) * (context.b ?? 0) })],
          always: { guard: ({ context }) => context.sum === 6, target: 'over' },
        },
        over: { type: 'final', output: ({ context }) => context.sum },
      },
      output: ({ event }) => event.output,
    }),
};

const chain: Animal = {
  name: 'always, raise and guards, in one go',
  input: { start: 5 },
  machine: (world) =>
    setup({
      types: {
        context: {} as { left: number; path: string[] },
        input: {} as { start: number },
      },
    }).createMachine({
      id: 'chain',
      context: ({ input }) => ({ left: input.start, path: [] }),
      initial: 'resting',
      states: {
        resting: { on: { go: 'down' } },
        down: {
          entry: assign({
            left: ({ context }) => context.left - 1,
            path: ({ context }) => [...context.path, `d${context.left}`],
          }),
          always: [
            { guard: ({ context }) => context.left % 2 === 0, target: 'even' },
            { guard: ({ context }) => context.left > 0, target: 'odd' },
          ],
        },
        even: {
          entry: [raise({ type: 'tick' }), world.act('even')],
          always: { guard: ({ context }) => context.left <= 0, target: 'over' },
          on: { tick: 'down' },
        },
        odd: { entry: raise({ type: 'tock' }), on: { tock: { target: 'down', actions: world.act('tock') } } },
        over: { type: 'final' },
      },
      output: ({ context }) => context.path,
    }),
  script: [{ when: (s) => s.matches('resting'), event: { type: 'go' } }],
};

export const states: readonly Animal[] = [player, regions, chain];

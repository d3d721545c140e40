import fc from 'fast-check';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import {
  type AnyActorRef,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  assign,
  cancel,
  enqueueActions,
  fromCallback,
  fromObservable,
  fromPromise,
  raise,
  type Subscribable,
  sendParent,
  sendTo,
  setup,
  stopChild,
} from 'xstate';
import { assertHooks } from '../../src/durable/index.ts';
import type { VirtualClock } from '../virtual-time.ts';
import { standingOf } from './life.ts';
import { Stand } from './stand.ts';

beforeAll(assertHooks);

/** Everything at once: effects that are replaced while they end, timers cancelled while they fire, children that come and go. */
function restless(clock: VirtualClock): AnyStateMachine {
  type Context = { got: unknown[]; counts: Record<string, number>; refs: AnyActorRef[] };
  const count = (name: string) => ({ type: 'count' as const, params: { name } });
  const slow = fromPromise(async ({ input, signal }: { input: { takes: number }; signal: AbortSignal }) => {
    await clock.sleep(input.takes);
    // It does not heed its signal, but it fails now and then.
    if (input.takes % 3 === 0)
      throw new Error(`after ${input.takes}, ${signal.aborted ? 'late' : 'in time'}`);
    return input.takes;
  });
  const ticker = fromCallback(({ sendBack, receive }) => {
    const tick = (n: number): void => {
      if (n < 6) {
        sendBack({ type: 'ticked' });
        clock.setTimeout(() => tick(n + 1), 7);
      }
    };
    tick(0);
    receive(({ type }) => sendBack({ type: 'answered', type2: type }));
  });
  const drops = fromObservable(
    () =>
      ({
        subscribe: ({ next, complete }: { next(value: number): void; complete(): void }) => {
          const timers = [3, 6, 9].map((at) => clock.setTimeout(() => next(at), at));
          timers.push(clock.setTimeout(complete, 12));
          return {
            unsubscribe: () => {
              for (const timer of timers) clock.clearTimeout(timer);
            },
          };
        },
      }) as unknown as Subscribable<number>,
  );
  const chick = setup({ actors: { slow } }).createMachine({
    initial: 'egg',
    states: {
      egg: { after: { 5: 'chick' }, on: { poke: 'chick' } },
      chick: {
        entry: sendParent({ type: 'hatched' }),
        invoke: { id: 'slow', src: 'slow', input: { takes: 8 }, onDone: 'gone', onError: 'gone' },
        on: { poke: 'egg' },
      },
      gone: { type: 'final' },
    },
  });
  return setup({
    types: { context: {} as Context },
    actors: { slow, ticker, drops, chick },
    actions: {
      count: assign({
        counts: ({ context }, { name }: { name: string }) => ({
          ...context.counts,
          [name]: (context.counts[name] ?? 0) + 1,
        }),
      }),
    },
  }).createMachine({
    id: 'restless',
    context: { got: [], counts: {}, refs: [] },
    type: 'parallel',
    on: {
      hatched: { actions: count('hatched') },
      ticked: { actions: count('ticked') },
      answered: { actions: count('answered') },
      rang: { actions: count('rang') },
      'xstate.done.actor.*': { actions: count('done') },
      'xstate.error.actor.*': { actions: count('failed') },
      arm: { actions: raise({ type: 'rang' }, { delay: 6, id: 'bell' }) },
      arm2: { actions: raise({ type: 'rang' }, { delay: 9 }) },
      disarm: { actions: cancel('bell') },
      hatch: { actions: assign({ refs: ({ context, spawn }) => [...context.refs, spawn('chick')] }) },
      poke: {
        actions: enqueueActions(({ context, enqueue }) => {
          for (const ref of context.refs) enqueue.sendTo(ref, { type: 'poke' });
        }),
      },
      cull: {
        actions: [
          stopChild(({ context }) => context.refs[0] ?? ''),
          assign({ refs: ({ context }) => context.refs.slice(1) }),
        ],
      },
    },
    states: {
      work: {
        initial: 'idle',
        states: {
          idle: { on: { go: 'working' } },
          working: {
            invoke: {
              id: 'slow',
              src: 'slow',
              input: ({ context }) => ({ takes: 4 + ((7 * context.got.length) % 11) }),
              onDone: {
                target: 'idle',
                actions: assign({ got: ({ context, event }) => [...context.got, event.output] }),
              },
              onError: {
                target: 'idle',
                actions: assign({ got: ({ context, event }) => [...context.got, event.error] }),
              },
            },
            after: { 10: { target: 'idle', actions: count('timeout') } },
            on: {
              go: { target: 'working', reenter: true, actions: count('again') },
              stop: 'idle',
            },
          },
        },
      },
      ears: {
        initial: 'shut',
        states: {
          shut: { on: { flip: 'open' } },
          open: {
            invoke: [
              { id: 'ticker', src: 'ticker' },
              {
                id: 'drops',
                src: 'drops',
                onSnapshot: { actions: count('drop') },
                onDone: { actions: count('dry') },
              },
            ],
            on: { flip: 'shut', poke: { actions: [sendTo('ticker', { type: 'poke' }), count('poked')] } },
          },
        },
      },
    },
  });
}

const EVENTS = ['go', 'stop', 'flip', 'arm', 'arm2', 'disarm', 'hatch', 'poke', 'cull'];
const storms = fc.record({
  events: fc.array(fc.record({ at: fc.integer({ min: 0, max: 60 }), type: fc.constantFrom(...EVENTS) }), {
    minLength: 1,
    maxLength: 25,
  }),
  /** How long appends take, in turn. */
  waits: fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 6 }),
});

describe('replayed up to any entry, a machine stands where it stood live (D6)', () => {
  test('in a storm of events, results and timers that overtake one another', async () => {
    // XState warns of what is sent to actors that have stopped.
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    await fc.assert(
      fc.asyncProperty(storms, async ({ events, waits }) => {
        const stand = new Stand();
        let appends = 0;
        const stood: unknown[] = [];
        const actor = stand.actor(restless(stand.clock), {
          append: async (expected, batch) => {
            const wait = waits[appends++ % waits.length] ?? 0;
            if (wait > 0) await stand.clock.sleep(wait);
            return stand.journal.append(expected, batch);
          },
          onEntry: ({ snapshot }) => stood.push(standingOf(snapshot as AnyMachineSnapshot)),
        });
        actor.start();
        for (const { at, type } of events) stand.clock.setTimeout(() => actor.send({ type }), at);
        await stand.clock.run();
        expect(actor.status).toBe('live');

        const { entries } = stand.journal;
        expect(stood).toHaveLength(entries.length);
        for (let cut = 1; cut <= entries.length; cut += 1) {
          const again = new Stand({ time: 1_000, entries: entries.slice(0, cut) });
          const restored = again
            .actor(restless(again.clock), { append: () => new Promise(() => {}) })
            .start();
          expect(restored.status).toBe('live');
          expect(standingOf(restored.getSnapshot())).toEqual(stood[cut - 1]);
          restored.stop();
        }
      }),
      { numRuns: 60 },
    );
  });
});

import { beforeAll, describe, expect, test } from 'vitest';
import {
  type AnyActorRef,
  assign,
  createActor,
  createMachine,
  fromCallback,
  fromPromise,
  fromTransition,
  type InspectionEvent,
  sendTo,
  setup,
} from 'xstate';
import { assertHooks } from '../../src/durable/index.ts';
import { flush } from '../virtual-time.ts';
import { Stand } from './stand.ts';

beforeAll(assertHooks);

describe('where the tree ends', () => {
  test('what a machine sends to an actor of another system is sent once, live (D7)', async () => {
    const heard: string[] = [];
    const outside = createActor(
      fromTransition((_: null, { type }: { type: string }) => {
        heard.push(type);
        return null;
      }, null),
    ).start();
    const machine = createMachine({
      id: 'm',
      on: { go: { actions: sendTo(() => outside, { type: 'told' }) } },
    });
    const stand = new Stand();
    await stand.actor(machine).start().deliver({ type: 'go' });
    expect(heard).toEqual(['told']);
    stand.actor(machine).start();
    expect(heard).toEqual(['told']);
  });

  test('what a machine sends to another durable actor is an entry there', async () => {
    const ear = setup({ types: { context: {} as { n: number } } }).createMachine({
      id: 'ear',
      context: { n: 0 },
      on: { told: { actions: assign({ n: ({ context }) => context.n + 1 }) } },
    });
    const [here, there] = [new Stand(), new Stand()];
    const target = there.actor(ear).start();
    const mouth = createMachine({
      id: 'mouth',
      on: { go: { actions: sendTo(() => target.ref as AnyActorRef, { type: 'told' }) } },
    });
    await here.actor(mouth).start().deliver({ type: 'go' });
    await flush();
    expect(there.told).toEqual(['began', 'event told']);
    expect(target.getSnapshot().context).toEqual({ n: 1 });
  });

  test('actors that an effect makes below itself are part of the effect: only what leaves it is an entry', async () => {
    const helper = createMachine({
      initial: 'a',
      states: { a: { after: { 10: 'b' } }, b: { type: 'final' } },
      output: 'helped',
    });
    const machine = setup({
      types: { context: {} as { got?: unknown } },
      actors: {
        boss: fromCallback(({ self, sendBack }) => {
          const actor = createActor(helper, { parent: self });
          actor.subscribe({ complete: () => sendBack({ type: 'made', what: actor.getSnapshot().output }) });
          actor.start();
        }),
      },
    }).createMachine({
      id: 'm',
      context: {},
      invoke: { id: 'boss', src: 'boss' },
      on: { made: { actions: assign({ got: ({ event }) => event.what }) } },
    });
    const stand = new Stand();
    const actor = stand.actor(machine).start();
    await stand.clock.advance(10);
    expect(stand.told).toEqual(['began', 'event made']);
    expect(actor.getSnapshot().context).toEqual({ got: 'helped' });
  });

  test('a custom logic with a start is an effect; its transitions are replayed, its start is not', async () => {
    const log: string[] = [];
    const logic = {
      ...fromTransition((n: number) => n + 1, 0),
      start: () => void log.push('start'),
    };
    const machine = setup({ actors: { logic } }).createMachine({
      id: 'm',
      initial: 'on',
      states: {
        on: {
          invoke: { id: 'it', src: 'logic' },
          on: { bump: { actions: sendTo('it', { type: 'x' }) }, off: 'off' },
        },
        off: {},
      },
    });
    const stand = new Stand();
    const actor = stand.actor(machine).start();
    await actor.deliver({ type: 'bump' });
    await actor.deliver({ type: 'bump' });
    const counted = (each: typeof actor) => each.getSnapshot().children.it?.getSnapshot().context;
    expect(counted(actor)).toBe(2);
    const again = stand.actor(machine).start();
    expect(counted(again)).toBe(2);
    expect(log).toEqual(['start', 'start']);
    await again.deliver({ type: 'off' });
    stand.actor(machine).start();
    expect(log).toHaveLength(2);
  });
});

describe('who looks on', () => {
  const looked = (machine: ReturnType<typeof chatty>) => ({
    plain: async (inspect: (event: InspectionEvent) => void) => {
      const actor = createActor(machine, { inspect, id: 'it' }).start();
      actor.send({ type: 'go' });
      await flush();
    },
    durable: async (inspect: (event: InspectionEvent) => void) => {
      const stand = new Stand();
      await stand.actor(machine, { inspect }).start().deliver({ type: 'go' });
      await flush();
      return stand;
    },
  });

  function chatty() {
    return setup({ actors: { ask: fromPromise(async () => 1) } }).createMachine({
      id: 'chatty',
      initial: 'idle',
      states: {
        idle: { on: { go: 'asking' } },
        asking: { entry: () => {}, invoke: { id: 'ask', src: 'ask', onDone: 'told' } },
        told: {},
      },
    });
  }

  /** What was seen, in order, but for what is other in every process. */
  const words = (seen: string[]) => (event: InspectionEvent) => {
    const { id } = event.actorRef as AnyActorRef;
    const about = 'event' in event ? event.event.type : 'action' in event ? event.action.type : '';
    seen.push(`${event.type} ${id} ${about}`);
  };

  test('an inspector sees of a durable machine what it sees of a plain one, and the past of a restored one', async () => {
    const machine = chatty();
    const [plain, durable, restored]: [string[], string[], string[]] = [[], [], []];
    await looked(machine).plain(words(plain));
    const stand = await looked(machine).durable(words(durable));
    expect(durable).toEqual(plain);
    stand.actor(machine, { inspect: words(restored) }).start();
    expect(restored).toEqual(plain);
  });

  test('observers hear of a restored machine where it stands, not how it came there', async () => {
    const machine = chatty();
    const stand = await looked(machine).durable(() => {});
    const seen: unknown[] = [];
    const actor = stand.actor(machine);
    actor.subscribe(({ value }) => seen.push(value));
    actor.start();
    expect(seen).toEqual(['told']);
  });

  test('`onEntry` is told of every entry, those of the past too', async () => {
    const machine = chatty();
    const told: unknown[] = [];
    const onEntry = ({
      number,
      entry,
      snapshot,
      live,
    }: {
      number: number;
      entry: { type: string };
      snapshot: { value: unknown };
      live: boolean;
    }) => told.push([number, entry.type, snapshot.value, live]);
    const stand = new Stand();
    await stand.actor(machine, { onEntry }).start().deliver({ type: 'go' });
    await flush();
    const expected = [
      [1, 'began', 'idle'],
      [2, 'event', 'asking'],
      [3, 'resolved', 'told'],
    ];
    expect(told).toEqual(expected.map((each) => [...each, true]));
    told.length = 0;
    stand.actor(machine, { onEntry }).start();
    expect(told).toEqual(expected.map((each) => [...each, false]));
  });
});

describe('ways to end', () => {
  test('stopped from within an action', async () => {
    const log: string[] = [];
    const stand = new Stand();
    const machine = setup({
      actors: {
        later: fromCallback(() => {
          log.push('started');
        }),
      },
      actions: { stop: () => actor.stop() },
    }).createMachine({
      id: 'm',
      initial: 'a',
      states: {
        a: { on: { go: { target: 'b', actions: 'stop' } } },
        b: { invoke: { src: 'later' }, after: { 10: 'c' } },
        c: {},
      },
    });
    const actor = stand.actor(machine).start();
    actor.send({ type: 'go' });
    await flush();
    expect(actor.status).toBe('stopped');
    expect(log).toEqual([]);
    expect(stand.clock.pending).toBe(0);
    const again = stand.actor(machine).start();
    expect(again.getSnapshot().value).toBe('b');
    expect(log).toEqual(['started']);
  });

  test('a machine that is done from the start', async () => {
    const machine = createMachine({
      id: 'm',
      initial: 'a',
      states: { a: { type: 'final' } },
      output: 'at once',
    });
    const stand = new Stand();
    const actor = stand.actor(machine).start();
    expect(await actor.output()).toBe('at once');
    expect(await actor.settled).toEqual({ status: 'ended' });
    expect(stand.told).toEqual(['began', 'ended']);
    expect(await stand.actor(machine).start().output()).toBe('at once');
  });

  test('the end itself is lost to another', async () => {
    const machine = createMachine({
      id: 'm',
      initial: 'a',
      states: { a: { on: { go: 'b' } }, b: { type: 'final' } },
    });
    const stand = new Stand();
    const slow = stand.actor(machine, {
      append: async (expected, batch) => {
        if (batch.closing)
          throw Object.assign(new Error('conflict'), { expected, sequence: 9, writer: 'another' });
        return stand.journal.append(expected, batch);
      },
    });
    slow.start().send({ type: 'go' });
    expect(await slow.settled).toMatchObject({ status: 'lost' });
    // It had ended all the same, and so it ends in its next life.
    expect(await stand.actor(machine).start().settled).toEqual({ status: 'ended' });
    expect(stand.told).toEqual(['began', 'event go', 'ended']);
  });

  test('effects that run when it is stopped are aborted, and leave no timer behind', async () => {
    const log: string[] = [];
    const machine = setup({
      actors: {
        slow: fromPromise(({ signal }) => {
          signal.addEventListener('abort', () => log.push('aborted'));
          return new Promise(() => {});
        }),
        watch: fromCallback(() => () => log.push('cleaned')),
      },
    }).createMachine({
      id: 'm',
      invoke: [{ src: 'slow' }, { src: 'watch' }],
      initial: 'a',
      states: { a: { after: { 10: 'b' } }, b: {} },
    });
    const stand = new Stand();
    const actor = stand.actor(machine).start();
    await flush();
    expect(actor.waiting()).toBeUndefined();
    actor.stop();
    await flush();
    expect(log.sort()).toEqual(['aborted', 'cleaned']);
    expect(stand.clock.pending).toBe(0);
    await expect(actor.output()).rejects.toThrow('it is stopped');
  });
});

describe('effects that are held', () => {
  const machine = setup({
    actors: {
      work: fromPromise<string, string>(async ({ input }) => {
        log.push(input);
        return input;
      }),
      watch: fromCallback(({ receive, sendBack }) => {
        log.push('watching');
        receive(({ type }) => sendBack({ type: `saw ${type}` }));
      }),
    },
  }).createMachine({
    id: 'm',
    initial: 'a',
    states: {
      a: { on: { go: 'b' } },
      b: { invoke: { id: 'work', src: 'work', input: 'b' }, on: { leave: 'c' }, after: { 50: 'late' } },
      c: {
        invoke: [{ id: 'watch', src: 'watch' }],
        on: { tell: { actions: sendTo('watch', { type: 'it' }) }, 'saw it': 'd' },
      },
      d: {},
      late: {},
    },
  });
  const log: string[] = [];

  test('do not start; let go, those that are still wanted do', async () => {
    log.length = 0;
    const stand = new Stand();
    const actor = stand.actor(machine).start();
    await flush();
    actor.hold(true);
    await actor.deliver({ type: 'go' });
    expect(log).toEqual([]);
    expect(actor.waiting()).toEqual({ until: 50 });
    await actor.deliver({ type: 'leave' });
    await actor.deliver({ type: 'tell' });
    actor.hold(false);
    await flush();
    expect(log).toEqual(['watching']);
    expect(actor.getSnapshot().value).toBe('d');
    actor.stop();
  });

  test('stay so through a restore that says so, while timers go on', async () => {
    log.length = 0;
    const stand = new Stand();
    const first = stand.actor(machine).start();
    first.hold(true);
    await first.deliver({ type: 'go' });
    first.stop();
    const second = stand.actor(machine, { onEntry: ({ live }) => live || second.hold(true) });
    second.start();
    await stand.clock.advance(49);
    expect(log).toEqual([]);
    expect(second.getSnapshot().value).toBe('b');
    await stand.clock.advance(1);
    expect(second.getSnapshot().value).toBe('late');
    second.hold(false);
    expect(log).toEqual([]);
    second.stop();
  });
});

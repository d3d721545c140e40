import { beforeAll, describe, expect, test, vi } from 'vitest';
import { assign, emit, enqueueActions, fromCallback, fromPromise, sendTo, setup } from 'xstate';
import { AppendFailedError, assertHooks } from '../../src/durable/index.ts';
import { flush } from '../virtual-time.ts';
import { Stand } from './stand.ts';

beforeAll(assertHooks);

const boom = (what: string) => () => {
  throw new Error(what);
};

describe('D4: effects that throw', () => {
  test('a promise creator or callback that throws at once fails by an entry, and so on replay', async () => {
    const log: string[] = [];
    const machine = setup({
      types: { context: {} as { errors: unknown[] } },
      actors: {
        promise: fromPromise(() => {
          log.push('promise');
          throw new Error('no promise');
        }),
        callback: fromCallback(() => {
          log.push('callback');
          throw new Error('no callback');
        }),
      },
    }).createMachine({
      id: 'm',
      context: { errors: [] },
      invoke: (['promise', 'callback'] as const).map((src) => ({
        id: src,
        src,
        onError: { actions: assign({ errors: ({ context, event }) => [...context.errors, event.error] }) },
      })),
    });
    const stand = new Stand();
    const actor = stand.actor(machine).start();
    await flush();
    const context = {
      errors: ['promise', 'callback'].map((what) => ({ name: 'Error', message: `no ${what}` })),
    };
    expect(actor.getSnapshot().context).toEqual(context);
    expect(stand.told).toEqual(['began', 'threw promise', 'threw callback']);
    expect(stand.actor(machine).start().getSnapshot().context).toEqual(context);
    expect(log).toEqual(['promise', 'callback']);
  });

  test('a callback that throws at an event, or when it is stopped', async () => {
    const machine = setup({
      types: { context: {} as { error?: unknown } },
      actors: {
        touchy: fromCallback(({ receive }) => {
          receive(boom('touched'));
          return boom('not tidy');
        }),
      },
    }).createMachine({
      id: 'm',
      context: {},
      initial: 'a',
      states: {
        a: {
          invoke: {
            id: 'touchy',
            src: 'touchy',
            onError: { actions: assign({ error: ({ event }) => event.error }) },
          },
          on: { touch: { actions: sendTo('touchy', { type: 'touch' }) }, leave: 'b' },
        },
        b: { on: { back: 'a' } },
      },
    });
    const stand = new Stand();
    const actor = stand.actor(machine).start();
    await actor.deliver({ type: 'leave' });
    expect(stand.reported).toEqual(['cleanup: not tidy']);
    expect(actor.getSnapshot()).toMatchObject({ value: 'b', context: {} });
    actor.send({ type: 'back' });
    actor.send({ type: 'touch' });
    await flush();
    expect(actor.getSnapshot().context).toEqual({ error: { name: 'Error', message: 'touched' } });
    expect(stand.told).toEqual(['began', 'event leave', 'event back', 'event touch', 'threw touchy#2']);
    expect(stand.actor(machine).start().getSnapshot().context).toEqual(actor.getSnapshot().context);
  });

  test('an effect that is stopped before its gate opens never starts, and is not cleaned up', async () => {
    const log: string[] = [];
    const machine = setup({
      actors: {
        watch: fromCallback(() => {
          log.push('start');
          return () => log.push('stop');
        }),
      },
    }).createMachine({
      id: 'm',
      initial: 'a',
      states: { a: { invoke: { src: 'watch' }, on: { go: 'b' } }, b: { on: { go: 'a' } } },
    });
    const stand = new Stand();
    const actor = stand.actor(machine).start();
    for (let n = 0; n < 5; n += 1) await actor.deliver({ type: 'go' });
    expect(log).toEqual(Array(3).fill(['start', 'stop']).flat());
    log.length = 0;
    expect(stand.actor(machine).start().getSnapshot().value).toBe('b');
    expect(log).toEqual([]);
  });

  test('children of a machine that threw are not started on restore', async () => {
    const log: string[] = [];
    const child = setup({
      actors: {
        slow: fromPromise(() => {
          log.push('slow');
          return new Promise(() => {});
        }),
      },
    }).createMachine({
      invoke: { src: 'slow' },
      on: { trap: { guard: boom('trapped'), actions: () => {} } },
    });
    const machine = setup({ actors: { child } }).createMachine({
      id: 'm',
      invoke: { id: 'child', src: 'child', onError: { actions: () => log.push('told') } },
      on: { trap: { actions: sendTo('child', { type: 'trap' }) } },
    });
    const stand = new Stand();
    await stand.actor(machine).start().deliver({ type: 'trap' });
    expect(log).toEqual(['slow', 'told']);
    stand.actor(machine).start();
    expect(log).toEqual(['slow', 'told']);
  });
});

describe('D7: actions', () => {
  test('one that throws or rejects is reported and does no harm, at the beginning, later, enqueued, or in a child', async () => {
    const child = setup({}).createMachine({ entry: boom('child') });
    const machine = setup({ types: { context: {} as { n: number } }, actors: { child } }).createMachine({
      id: 'm',
      context: { n: 0 },
      entry: [boom('entry'), assign({ n: ({ context }) => context.n + 1 })],
      invoke: { id: 'child', src: 'child' },
      on: {
        go: {
          actions: [
            boom('go'),
            async () => {
              throw new Error('rejected');
            },
            enqueueActions(({ enqueue }) => enqueue(boom('enqueued'))),
            assign({ n: ({ context }) => context.n + 1 }),
          ],
        },
      },
    });
    const stand = new Stand();
    const actor = stand.actor(machine).start();
    await actor.deliver({ type: 'go' });
    await flush();
    expect(actor.getSnapshot()).toMatchObject({ status: 'active', context: { n: 2 } });
    expect(stand.reported.sort()).toEqual(
      ['child', 'enqueued', 'entry', 'go', 'rejected'].map((what) => `action: ${what}`),
    );
    stand.problems.length = 0;
    expect(stand.actor(machine).start().getSnapshot().context).toEqual({ n: 2 });
    expect(stand.reported).toEqual([]);
  });

  test('what an action sends is an entry of its own, taken after the one it belongs to', async () => {
    const machine = setup({ types: { context: {} as { seen: string[] } } }).createMachine({
      id: 'm',
      context: { seen: [] },
      on: {
        go: { actions: [({ self }) => self.send({ type: 'went' }), emit({ type: 'going' })] },
        went: { actions: assign({ seen: ({ context }) => [...context.seen, 'went'] }) },
      },
    });
    const stand = new Stand();
    const actor = stand.actor(machine).start();
    const emitted: string[] = [];
    actor.on('*', ({ type }) => emitted.push(type));
    await actor.deliver({ type: 'go' });
    await flush();
    expect(stand.told).toEqual(['began', 'event go', 'event went']);
    expect(emitted).toEqual(['going']);
    const again = stand.actor(machine);
    again.on('*', ({ type }) => emitted.push(type));
    expect(again.start().getSnapshot().context).toEqual({ seen: ['went'] });
    await flush();
    expect(stand.told).toHaveLength(3);
    expect(emitted).toEqual(['going']);
  });
});

describe('machines that throw', () => {
  const trapped = setup({}).createMachine({
    id: 'trapped',
    initial: 'a',
    states: { a: { on: { trap: { guard: boom('guard'), target: 'b' } } }, b: {} },
  });

  test('a guard that throws ends the machine in an error, live and restored; observers are told, both times', async () => {
    const stand = new Stand();
    const actor = stand.actor(trapped);
    const heard: unknown[] = [];
    actor.subscribe({ error: (error) => heard.push(error) });
    actor.start().send({ type: 'trap' });
    expect(await actor.settled).toEqual({ status: 'ended' });
    expect(stand.told).toEqual(['began', 'event trap', 'ended']);
    const again = stand.actor(trapped);
    again.subscribe({ error: (error) => heard.push(error) });
    again.start();
    expect(await again.settled).toEqual({ status: 'ended' });
    await expect(again.output()).rejects.toThrow('guard');
    expect(heard).toHaveLength(2);
    expect(stand.told).toHaveLength(3);
  });

  test('nobody listens: it is reported, and nothing is thrown', async () => {
    const stand = new Stand();
    const actor = stand.actor(trapped).start();
    actor.send({ type: 'trap' });
    await actor.settled;
    await flush();
    expect(stand.reported).toEqual([expect.stringMatching(/^unobserved: .*guard/)]);
  });

  test('an observer that throws is reported', async () => {
    const stand = new Stand();
    const actor = stand.actor(trapped, { onEntry: boom('onEntry'), inspect: boom('inspector') });
    actor.subscribe(boom('observer'));
    actor.start();
    await flush();
    expect(actor.status).toBe('live');
    const kinds = new Set(stand.reported);
    expect([...kinds].sort()).toEqual(['observer: inspector', 'observer: observer', 'observer: onEntry']);
  });
});

describe('what is sent when', () => {
  const ear = setup({ types: { context: {} as { heard: string[] } } }).createMachine({
    id: 'ear',
    context: { heard: [] },
    on: {
      end: '.over',
      '*': { actions: assign({ heard: ({ context, event }) => [...context.heard, event.type] }) },
    },
    initial: 'on',
    states: { on: {}, over: { type: 'final' } },
  });

  test('before the start: it waits', async () => {
    const stand = new Stand();
    const actor = stand.actor(ear);
    actor.send({ type: 'early' });
    expect(actor.status).toBe('new');
    expect(stand.told).toEqual([]);
    actor.start();
    expect(actor.status).toBe('starting');
    actor.send({ type: 'soon' });
    await flush();
    expect(stand.told).toEqual(['began', 'event early', 'event soon']);
    expect(actor.getSnapshot().context).toEqual({ heard: ['early', 'soon'] });
  });

  test('before the start of a restored one, and while it replays: behind its past', async () => {
    const stand = new Stand();
    await stand.actor(ear).start().deliver({ type: 'old' });
    const actor = stand.actor(ear, {
      onEntry: ({ entry, live }) => {
        if (entry.type === 'event' && !live) actor.send({ type: 'meanwhile' });
      },
    });
    actor.send({ type: 'early' });
    actor.start();
    await flush();
    expect(actor.getSnapshot().context).toEqual({ heard: ['old', 'early', 'meanwhile'] });
    expect(stand.told).toEqual(['began', 'event old', 'event early', 'event meanwhile']);
  });

  test('to an actor that has stopped: nowhere, and nothing is written', async () => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const machine = setup({ actors: { ear } }).createMachine({
      id: 'm',
      initial: 'a',
      states: { a: { invoke: { id: 'ear', src: 'ear' }, on: { go: 'b' } }, b: {} },
    });
    const stand = new Stand();
    const actor = stand.actor(machine).start();
    await flush();
    const child = actor.getSnapshot().children.ear;
    child?.send({ type: 'x' });
    await flush();
    expect(stand.told).toEqual(['began', 'event x ear']);
    await actor.deliver({ type: 'go' });
    child?.send({ type: 'y' });
    await flush();
    expect(stand.told).toEqual(['began', 'event x ear', 'event go']);
    // As XState itself has it.
    expect(warned).toHaveBeenCalledOnce();
  });

  test('after the end: nowhere', async () => {
    const stand = new Stand();
    const actor = stand.actor(ear).start();
    const completed: string[] = [];
    actor.subscribe({ complete: () => completed.push('before') });
    actor.send({ type: 'end' });
    actor.send({ type: 'too late' });
    await actor.settled;
    actor.subscribe({ complete: () => completed.push('after') });
    actor.send({ type: 'later still' });
    await expect(actor.deliver({ type: 'x' })).rejects.toThrow('Actor "it" takes no events: it is ended.');
    expect(completed).toEqual(['before', 'after']);
    expect(stand.told).toEqual(['began', 'event end', 'event too late', 'ended']);
    expect(stand.actor(ear).start().status).toBe('ended');
  });

  test('the same id twice: taken once, also in another life, and while the first is being written', async () => {
    const stand = new Stand();
    const actor = stand.actor(ear).start();
    const both = [actor.deliver({ type: 'a' }, { id: '1' }), actor.deliver({ type: 'a' }, { id: '1' })];
    expect(await Promise.all(both)).toEqual([
      { entry: 2, duplicate: false },
      { entry: 2, duplicate: true },
    ]);
    const again = stand.actor(ear).start();
    expect(await again.deliver({ type: 'a' }, { id: '1' })).toEqual({ entry: 2, duplicate: true });
    expect(stand.told).toEqual(['began', 'event a']);
  });

  test('stop during an append: what is stored is there in the next life, and was not taken in this one', async () => {
    const stand = new Stand();
    const actor = stand.actor(ear).start();
    await flush();
    const delivered = actor.deliver({ type: 'a' });
    await Promise.resolve();
    actor.stop();
    await expect(delivered).rejects.toThrow('it is stopped');
    await flush();
    expect(actor.getSnapshot().context).toEqual({ heard: [] });
    expect(await actor.settled).toEqual({ status: 'stopped' });
    expect(stand.told).toEqual(['began', 'event a']);
    expect(stand.actor(ear).start().getSnapshot().context).toEqual({ heard: ['a'] });
  });

  test('stop while an append is repeated, and before the start', async () => {
    const stand = new Stand();
    const append = async () => {
      throw Object.assign(new Error('No answer.'), { retryable: true });
    };
    const actor = stand.actor(ear, { append }).start();
    await flush();
    actor.stop();
    await flush();
    expect(stand.clock.pending).toBe(0);
    const never = stand.actor(ear);
    never.stop();
    never.start();
    expect(never.status).toBe('stopped');
  });

  test('an append that is refused for good stops the actor, says so, and leaves what was durable', async () => {
    const stand = new Stand();
    let full = false;
    const actor = stand.actor(ear, {
      append: async (expected, batch) => {
        if (full) throw new Error('disk full');
        return stand.journal.append(expected, batch);
      },
    });
    const heard: unknown[] = [];
    actor.start().subscribe({ error: (error) => heard.push(error) });
    await actor.deliver({ type: 'a' });
    full = true;
    await expect(actor.deliver({ type: 'b' })).rejects.toThrow('its journal refused an append: disk full');
    expect(await actor.settled).toMatchObject({ status: 'failed', error: expect.any(AppendFailedError) });
    expect(heard).toEqual([expect.any(AppendFailedError)]);
    expect(stand.actor(ear).start().getSnapshot().context).toEqual({ heard: ['a'] });
  });

  test('rest writes a closing note, once what came before is durable; then the actor is gone', async () => {
    const stand = new Stand();
    const actor = stand.actor(ear).start();
    actor.send({ type: 'a' });
    expect(await actor.rest()).toEqual({ status: 'stopped' });
    await flush();
    expect(stand.told).toEqual(['began', 'event a', 'rested']);
    const again = stand.actor(ear).start();
    expect(again.waiting()).toEqual({});
    expect(await again.rest()).toEqual({ status: 'stopped' });
    expect(stand.told).toHaveLength(3);
  });
});

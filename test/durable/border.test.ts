import { beforeAll, describe, expect, test } from 'vitest';
import {
  assign,
  fromCallback,
  fromEventObservable,
  fromObservable,
  fromPromise,
  type Subscribable,
  setup,
} from 'xstate';
import { NotJsonError } from '../../machines/not-json-error.ts';
import { assertHooks, type durable, EntryRefusedError } from '../../src/durable/index.ts';
import { flush } from '../virtual-time.ts';
import { Stand } from './stand.ts';

beforeAll(assertHooks);

const cycle: Record<string, unknown> = {};
cycle.self = cycle;

/** What does not survive JSON, and where it is. */
const culprits: readonly (readonly [string, unknown, string])[] = [
  ['a function', { act: () => {} }, '.act'],
  ['a BigInt', { list: [1, 2n] }, '.list[1]'],
  ['a cycle', cycle, '.self'],
  ['a Date', { when: new Date(0) }, '.when'],
  ['an instance of a class', { map: new Map() }, '.map'],
  ['undefined in an array', { list: [undefined] }, '.list[0]'],
  ['NaN', { deep: { er: Number.NaN } }, '.deep.er'],
];

/** Asks its effect once, and keeps what came of it. */
function asker(ask: () => Promise<unknown>) {
  return setup({
    types: { context: {} as { got?: unknown; error?: unknown; events: unknown[] } },
    actors: { ask: fromPromise(ask) },
  }).createMachine({
    id: 'asker',
    context: { events: [] },
    invoke: {
      id: 'ask',
      src: 'ask',
      onDone: { actions: assign({ got: ({ event }) => event.output }) },
      onError: { actions: assign({ error: ({ event }) => event.error }) },
    },
    on: { '*': { actions: assign({ events: ({ context, event }) => [...context.events, event] }) } },
  });
}

const idle = asker(() => new Promise(() => {}));

describe('D1: what does not survive JSON is refused at once, by its path', () => {
  test.each(culprits)('%s: in the input', (_, value, path) => {
    const stand = new Stand();
    expect(() => stand.actor(idle, { input: { value } })).toThrow(NotJsonError);
    expect(() => stand.actor(idle, { input: { value } })).toThrow(`input.value${path}`);
    expect(() => stand.actor(idle, { meta: { value } as never })).toThrow(`meta.value${path}`);
  });

  test.each(culprits)('%s: in an event', async (_, value, path) => {
    const stand = new Stand();
    const actor = stand.actor(idle).start();
    await flush();
    expect(() => actor.send({ type: 'x', value })).toThrow(`event.value${path}`);
    await expect(actor.deliver({ type: 'x', value })).rejects.toThrow(`event.value${path}`);
    expect(() => actor.ref.send({ type: 'x', value })).toThrow(`event.value${path}`);
    await flush();
    expect(stand.told).toEqual(['began']);
  });

  test.each(culprits)('%s: in a result; the effect fails with that', async (_, value, path) => {
    const stand = new Stand();
    const actor = stand.actor(asker(async () => ({ value }))).start();
    await flush();
    expect(actor.getSnapshot().context).toMatchObject({
      error: { name: 'NotJsonError', path: `output.value${path}` },
    });
    expect(stand.told).toEqual(['began', 'threw ask']);
    expect(stand.reported).toContainEqual(expect.stringContaining(`refused: output.value${path}`));
    const again = stand.actor(asker(async () => 'never asked')).start();
    expect(again.getSnapshot().context).toEqual(actor.getSnapshot().context);
  });

  test('in a value of an observable; it fails, and is unsubscribed', async () => {
    const stand = new Stand();
    const log: string[] = [];
    const source = {
      subscribe: ({ next }: { next(value: unknown): void }) => {
        queueMicrotask(() => next({ at: new Date(0) }));
        return { unsubscribe: () => log.push('unsubscribed') };
      },
    } as unknown as Subscribable<unknown>;
    const machine = setup({
      types: { context: {} as { error?: unknown } },
      actors: { feed: fromObservable(() => source) },
    }).createMachine({
      id: 'feed',
      context: {},
      invoke: {
        id: 'feed',
        src: 'feed',
        onError: { actions: assign({ error: ({ event }) => event.error }) },
      },
    });
    const actor = stand.actor(machine).start();
    await flush();
    expect(actor.getSnapshot().context).toMatchObject({ error: { path: 'value.at' } });
    expect(log).toEqual(['unsubscribed']);
  });

  test('in an event of an observable; it fails', async () => {
    const stand = new Stand();
    const source = {
      subscribe: ({ next }: { next(value: unknown): void }) => {
        queueMicrotask(() => next({ type: 'told', at: new Date(0) }));
        return { unsubscribe: () => {} };
      },
    } as unknown as Subscribable<{ type: string }>;
    const machine = setup({
      types: { context: {} as { error?: unknown } },
      actors: { news: fromEventObservable(() => source) },
    }).createMachine({
      id: 'news',
      context: {},
      invoke: {
        id: 'news',
        src: 'news',
        onError: { actions: assign({ error: ({ event }) => event.error }) },
      },
    });
    const actor = stand.actor(machine).start();
    await flush();
    expect(actor.getSnapshot().context).toMatchObject({ error: { path: 'event.at' } });
  });

  test('in an event of a callback; the callback is told', async () => {
    const stand = new Stand();
    const caught: unknown[] = [];
    const machine = setup({
      actors: {
        teller: fromCallback(({ sendBack }) => {
          try {
            sendBack({ type: 'told', what: new Set() });
          } catch (error) {
            caught.push(error);
          }
        }),
      },
    }).createMachine({ id: 'm', invoke: { id: 'teller', src: 'teller' } });
    stand.actor(machine).start();
    await flush();
    expect(caught).toEqual([expect.objectContaining({ name: 'NotJsonError', path: 'event.what' })]);
  });

  test('an event is an object with a type', () => {
    const actor = new Stand().actor(idle);
    expect(() => actor.send('go' as never)).toThrow('An event is an object with a "type"; this one is "go".');
    expect(() => actor.send({ kind: 'go' } as never)).toThrow('"type"');
  });

  test('nothing is something: a promise may resolve with undefined', async () => {
    const stand = new Stand();
    const machine = asker(async () => {});
    const actor = stand.actor(machine).start();
    await flush();
    expect(stand.told).toEqual(['began', 'resolved ask']);
    expect(actor.getSnapshot().context).toHaveProperty('got', undefined);
    expect(stand.actor(machine).start().getSnapshot().context).toHaveProperty('got', undefined);
  });

  test('what is handed over is copied: to change it later changes nothing', async () => {
    const stand = new Stand();
    const shared = { list: [1], zero: -0 };
    const machine = asker(async () => shared);
    const actor = stand.actor(machine).start();
    const event = { type: 'x', list: ['a'] };
    actor.send(event);
    event.list.push('b');
    await flush();
    shared.list.push(2);
    expect(actor.getSnapshot().context).toEqual({
      got: { list: [1], zero: 0 },
      events: [{ type: 'x', list: ['a'] }],
    });
    expect(stand.actor(machine).start().getSnapshot().context).toEqual(actor.getSnapshot().context);
  });

  test('`__proto__` stays a property', async () => {
    const stand = new Stand();
    const value: unknown = JSON.parse('{"__proto__":{"polluted":true}}');
    const actor = stand.actor(asker(async () => value)).start();
    await flush();
    const { got } = actor.getSnapshot().context as { got: { polluted?: boolean } };
    expect(got.polluted).toBeUndefined();
    expect(Object.keys(got)).toEqual(['__proto__']);
  });
});

describe('D1: what is thrown becomes a plain object, once', () => {
  const odd = new Proxy(
    {},
    {
      get: () => {
        throw new Error('no');
      },
      ownKeys: () => {
        throw new Error('no');
      },
    },
  );
  test.each([
    [
      'an error',
      Object.assign(new TypeError('bad', { cause: new Error('deep') }), { code: 'E1', socket: new Map() }),
      { name: 'TypeError', message: 'bad', code: 'E1', cause: { name: 'Error', message: 'deep' } },
    ],
    ['JSON', { code: 1 }, { code: 1 }],
    ['a string', 'no', 'no'],
    ['nothing', undefined, undefined],
    ['what is no JSON', new Map(), { name: 'Error', message: 'Not an error but [object Map] was thrown.' }],
    ['what cannot be read', odd, { name: 'Error', message: 'What was thrown cannot be read.' }],
    [
      'several',
      new AggregateError([new Error('a'), 1], 'all'),
      { name: 'AggregateError', message: 'all', errors: [{ name: 'Error', message: 'a' }, 1] },
    ],
  ])('%s', async (_, thrown, told) => {
    const stand = new Stand();
    const machine = asker(() => Promise.reject(thrown));
    const actor = stand.actor(machine).start();
    await flush();
    const { error } = actor.getSnapshot().context as { error: unknown };
    expect(error).toEqual(told);
    expect(error).not.toBeInstanceOf(Error);
    const [problem] = stand.problems;
    expect(problem).toMatchObject({ kind: 'thrown', id: 'it', address: 'ask' });
    expect(Object.is(problem?.error, thrown)).toBe(true);
    const restored = stand.actor(machine).start().getSnapshot();
    expect(restored.context.error).toEqual(error);
  });
});

describe('an entry that the journal will never take', () => {
  const tooLarge = (stand: Stand): Parameters<typeof durable>[1]['append'] => {
    return async (expected, batch) => {
      const index = batch.entries.findIndex((entry) => JSON.stringify(entry).length > 500);
      if (index >= 0) throw new EntryRefusedError(index, 'It is 600 bytes; the limit is 500.');
      return stand.journal.append(expected, batch);
    };
  };

  test('fails the effect that it is the result of', async () => {
    const stand = new Stand();
    const machine = asker(async () => 'x'.repeat(600));
    const actor = stand.actor(machine, { append: tooLarge(stand) }).start();
    await flush();
    expect(actor.getSnapshot().context).toMatchObject({
      error: { name: 'EntryRefusedError', message: 'It is 600 bytes; the limit is 500.' },
    });
    expect(stand.told).toEqual(['began', 'threw ask']);
  });

  test('is refused to its sender; what came with it is taken', async () => {
    const stand = new Stand();
    const actor = stand.actor(idle, { append: tooLarge(stand) }).start();
    await flush();
    actor.send({ type: 'a' });
    const large = actor.deliver({ type: 'b', text: 'x'.repeat(600) }, { id: '1' });
    actor.send({ type: 'c' });
    await expect(large).rejects.toThrow('the limit is 500');
    await flush();
    expect(stand.told).toEqual(['began', 'event a', 'event c']);
    expect(actor.status).toBe('live');
    // Its id is free again.
    expect(await actor.deliver({ type: 'b' }, { id: '1' })).toEqual({ entry: 4, duplicate: false });
  });
});

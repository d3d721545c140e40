import { beforeAll, describe, expect, test } from 'vitest';
import { assign, createActor, createMachine, fromPromise, setup } from 'xstate';
import { proveHooks } from '../../src/durable/hooks-self-test.ts';
import { assertHooks, beginEntry, effectKey, HookMissingError } from '../../src/durable/index.ts';
import { flush } from '../virtual-time.ts';
import { Stand } from './stand.ts';

beforeAll(assertHooks);

/** Fails twice, then succeeds; each attempt is another entry of the same state, in a child. */
function family(keys: string[]) {
  const child = setup({
    types: { context: {} as { n: number } },
    actors: {
      pay: fromPromise(async ({ self }) => {
        keys.push(effectKey(self));
        return keys.length;
      }),
    },
  }).createMachine({
    context: { n: 0 },
    initial: 'paying',
    states: {
      paying: {
        invoke: {
          id: 'pay',
          src: 'pay',
          onDone: [
            {
              guard: ({ context }) => context.n < 1,
              target: 'paying',
              reenter: true,
              actions: assign({ n: 1 }),
            },
            'paid',
          ],
        },
      },
      paid: { type: 'final' },
    },
  });
  return setup({ actors: { child } }).createMachine({
    id: 'family',
    initial: 'first',
    states: {
      first: { invoke: { id: 'one/two', src: 'child', onDone: 'second' } },
      second: { invoke: { id: 'one/two', src: 'child', onDone: 'over' } },
      over: { type: 'final' },
    },
  });
}

describe('D4: keys', () => {
  test('the path and how many times the actor has been there; the same in every life', async () => {
    const stand = new Stand();
    const keys: string[] = [];
    await stand.actor(family(keys)).start().settled;
    expect(keys).toEqual([
      'it/one%2Ftwo/pay',
      'it/one%2Ftwo/pay#2',
      'it/one%2Ftwo#2/pay',
      'it/one%2Ftwo#2/pay#2',
    ]);
    const cut = new Stand({ entries: stand.journal.entries.slice(0, 2) });
    const again: string[] = [];
    await cut.actor(family(again), { hashContext: false }).start().settled;
    expect(again).toEqual(keys.slice(1));
  });

  test('a machine’s own', async () => {
    const stand = new Stand();
    const keys: string[] = [];
    const keyOf = ({ id, address, fold }: { id: string; address: string; fold: number }) =>
      `${id}:${address}:${fold}`;
    await stand.actor(family(keys), { keyOf }).start().settled;
    expect(keys[0]).toBe('it:one%2Ftwo/pay:1');
  });

  test('in an actor that is not durable, its path', async () => {
    const keys: string[] = [];
    createActor(family(keys), { id: 'plain' }).start();
    await flush();
    expect(keys[0]).toBe('plain/one%2Ftwo/pay');
  });
});

describe('restart with results: another fold behind the first', () => {
  const machine = (keys: string[]) =>
    setup({
      types: {
        context: {} as { results: Record<string, string> },
        input: {} as { results?: Record<string, string> },
      },
      actors: {
        step: fromPromise(async ({ self }) => {
          keys.push(effectKey(self));
          return 'made';
        }),
      },
    }).createMachine({
      id: 'm',
      version: String(keys.length),
      context: ({ input }) => ({ results: input?.results ?? {} }),
      initial: 'a',
      states: {
        a: {
          always: { guard: ({ context }) => 'a' in context.results, target: 'b' },
          invoke: {
            id: 'a',
            src: 'step',
            onDone: { target: 'b', actions: assign({ results: { a: 'made' } }) },
          },
        },
        b: { invoke: { id: 'b', src: 'step', onDone: 'over' } },
        over: { type: 'final' },
      },
      output: ({ context }) => context.results,
    });

  test('begun by an actor: what stood before is passed over, the entries stay, keys are new ones', async () => {
    const stand = new Stand();
    const keys: string[] = [];
    await stand.actor(machine(keys)).start().settled;
    const entries = stand.journal.entries;
    const anew = stand.actor(machine(keys), {
      anew: true,
      input: { results: { a: 'kept' } },
      meta: { by: 'hand' },
    });
    expect(await anew.start().output()).toEqual({ a: 'kept' });
    await anew.settled;
    expect(keys).toEqual(['it/a', 'it/b', 'it@2/b']);
    expect(stand.journal.entries.slice(0, entries.length)).toEqual(entries);
    expect(stand.told.slice(entries.length)).toEqual(['began', 'resolved b', 'ended']);
    expect(stand.journal.entries[entries.length]).toMatchObject({ meta: { by: 'hand' }, version: '2' });

    const again = stand.actor(machine(keys)).start();
    expect(again.status).toBe('ended');
    expect(again.getSnapshot().output).toEqual({ a: 'kept' });
    expect(keys).toHaveLength(3);
  });

  test('begun by somebody else, who appended the entry', async () => {
    const stand = new Stand();
    const keys: string[] = [];
    await stand.actor(machine(keys)).start().settled;
    const began = beginEntry(machine(keys), { at: 5, input: { results: { a: 'given' } } });
    const next = new Stand({ entries: [...stand.journal.entries, began as never] });
    expect(await next.actor(machine(keys)).start().output()).toEqual({ a: 'given' });
    expect(keys.at(-1)).toBe('it@2/b');
  });
});

describe('the self-test of the hooks', () => {
  test('this XState is one to be durable on', async () => {
    await expect(proveHooks(createActor)).resolves.toBeUndefined();
  });

  /** As if a release called something of another name. */
  const renamed = (what: string) =>
    ((logic: never, options: never) => {
      const honest = Object.create(logic) as { getInitialSnapshot(scope: unknown, input: unknown): unknown };
      const { getInitialSnapshot } = logic as typeof honest;
      honest.getInitialSnapshot = (scope, input) => {
        const { system } = scope as {
          system: Record<string, unknown> & { scheduler: Record<string, unknown> };
        };
        const holder = what in system ? system : system.scheduler;
        const real = holder[what];
        const snapshot = getInitialSnapshot(scope, input);
        holder[what] = real;
        return snapshot;
      };
      return createActor(honest as never, options);
    }) as unknown as typeof createActor;

  test.each(['_relay', '_unregister', 'schedule', 'cancel'])(
    'without %s it refuses, by name',
    async (what) => {
      const refusal = await proveHooks(renamed(what)).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(HookMissingError);
      expect((refusal as Error).message).toContain(what);
      expect((refusal as Error).message).toContain('Install xstate ~5.33.3');
    },
  );

  test('an XState that is quite another one is refused too', async () => {
    const other = (() => ({ on() {}, subscribe() {} })) as unknown as typeof createActor;
    await expect(proveHooks(other)).rejects.toThrow('durable actors rest');
  });
});

describe('history stays cheap', () => {
  test('what is written and kept for the 1,000th entry is what the 10th took', async () => {
    const machine = createMachine({
      id: 'loop',
      initial: 'a',
      states: { a: { after: { 1000: 'b' }, on: { go: 'b' } }, b: { on: { go: 'a' } } },
    });
    const stand = new Stand();
    const sizes: number[] = [];
    const actor = stand
      .actor(machine, {
        // A replay after each of a thousand entries would be what this is not about.
        alwaysReplay: false,
        append: (expected, batch) => {
          sizes.push(JSON.stringify(batch.entries).length);
          return stand.journal.append(expected, batch);
        },
      })
      .start();
    for (let n = 0; n < 1_000; n += 1) await actor.deliver({ type: 'go' });
    expect(sizes.length).toBeGreaterThan(900);
    expect(sizes.at(-1)).toBe(sizes[10]);
    expect(stand.clock.pending).toBe(1);
    // Replay is told from other costs by what it does: one delivery an entry.
    const again = stand.actor(machine).start();
    expect(again.getSnapshot().value).toBe(actor.getSnapshot().value);
    expect(again.waiting()?.until).toBe(actor.waiting()?.until);
  });
});

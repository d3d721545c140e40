import { describe, expect, test } from 'vitest';
import { assign, createMachine, fromPromise, setup } from 'xstate';
import { MismatchError, retrace } from '../../src/durable/index.ts';
import { flush } from '../virtual-time.ts';
import { Stand } from './stand.ts';

const HOUR = 60 * 60 * 1_000;

const waiter = setup({ types: { context: {} as { heard: string[] } } }).createMachine({
  id: 'waiter',
  context: { heard: [] },
  on: { '*': { actions: assign({ heard: ({ context, event }) => [...context.heard, event.type] }) } },
  initial: 'early',
  states: { early: { after: { [HOUR]: 'late' } }, late: {} },
});

describe('an actor that parks', () => {
  test('leaves with a note of what it waits for, and comes back with its deadline (D5)', async () => {
    const stand = new Stand();
    const actor = stand.actor(waiter).start();
    await flush();
    await expect(actor.park(30_000)).resolves.toEqual({ until: HOUR });
    expect(actor.status).toBe('stopped');
    expect(stand.clock.pending).toBe(0);
    expect(stand.journal.entries.at(-1)).toMatchObject({ type: 'rested', waits: { until: HOUR } });

    const again = stand.actor(waiter).start();
    await stand.clock.advanceTo(HOUR);
    expect(again.getSnapshot().value).toBe('late');
    await expect(again.park(HOUR)).resolves.toEqual({});
    expect(stand.journal.entries.at(-1)).toMatchObject({ type: 'rested', waits: {} });
  });

  test('does not while what it waits for is near, nor while an effect runs', async () => {
    const stand = new Stand();
    const near = stand.actor(waiter).start();
    await flush();
    await expect(near.park(HOUR)).resolves.toBeUndefined();
    expect(near.status).toBe('live');
    near.stop();

    const busy = setup({ actors: { work: fromPromise(() => new Promise(() => {})) } }).createMachine({
      id: 'busy',
      invoke: { id: 'work', src: 'work' },
    });
    const other = new Stand();
    const actor = other.actor(busy).start();
    await flush();
    await expect(actor.park(0)).resolves.toBeUndefined();
    expect(actor.status).toBe('live');
    expect(other.told).toEqual(['began']);
    actor.stop();
  });

  test('takes what came before, and then looks again whether it only waits', async () => {
    const stand = new Stand();
    const actor = stand.actor(waiter).start();
    await flush();
    actor.send({ type: 'knock' });
    const parked = actor.park(0);
    await expect(parked).resolves.toEqual({ until: HOUR });
    expect(stand.told).toEqual(['began', 'event knock', 'rested']);

    const restless = createMachine({
      id: 'restless',
      initial: 'a',
      states: { a: { on: { go: 'b' } }, b: { after: { 1000: 'a' } } },
    });
    const other = new Stand();
    const second = other.actor(restless).start();
    await flush();
    second.send({ type: 'go' });
    await expect(second.park(30_000)).resolves.toBeUndefined();
    expect(second.getSnapshot().value).toBe('b');
    second.stop();
  });

  test('refuses what comes while its note is being written: whoever sent it knows', async () => {
    const stand = new Stand();
    const written = Promise.withResolvers<void>();
    const actor = stand.actor(waiter, {
      append: async (expected, batch) => {
        if (expected > 0) await written.promise;
        return stand.journal.append(expected, batch);
      },
    });
    actor.start();
    await flush();
    const parked = actor.park(0);
    await flush();
    const late = actor.deliver({ type: 'knock' }, { id: 'knock-1' });
    written.resolve();
    await expect(parked).resolves.toEqual({ until: HOUR });
    await expect(late).rejects.toMatchObject({ name: 'NotRunningError' });
    expect(stand.told).toEqual(['began', 'rested']);
  });

  test('that was told to rest rests, whether or not it would park', async () => {
    const stand = new Stand();
    const busy = setup({ actors: { work: fromPromise(() => new Promise(() => {})) } }).createMachine({
      id: 'busy',
      invoke: { id: 'work', src: 'work' },
      on: { knock: {} },
    });
    const actor = stand.actor(busy).start();
    await flush();
    actor.send({ type: 'knock' });
    const rested = actor.rest();
    const parked = actor.park(0);
    await expect(rested).resolves.toEqual({ status: 'stopped' });
    await expect(parked).resolves.toBeUndefined();
    expect(stand.told).toEqual(['began', 'event knock', 'rested']);
  });

  test('that has lost its journal does not', async () => {
    const stand = new Stand();
    const loser = stand.actor(waiter).start();
    await flush();
    const winner = stand.actor(waiter).start();
    await flush();
    await winner.deliver({ type: 'mine' });
    await expect(loser.park(0)).resolves.toBeUndefined();
    expect(loser.status).toBe('lost');
    winner.stop();
  });
});

describe('retracing', () => {
  test('tells what each entry made of the machine, and starts nothing', async () => {
    const runs: string[] = [];
    const machine = setup({
      actors: {
        work: fromPromise(async () => {
          runs.push('work');
        }),
      },
    }).createMachine({
      id: 'm',
      initial: 'a',
      states: {
        a: { on: { go: 'b' } },
        b: { invoke: { id: 'work', src: 'work' }, after: { 5: 'c' } },
        c: {},
      },
    });
    const stand = new Stand();
    const actor = stand.actor(machine, { append: stand.journal.append }).start();
    actor.send({ type: 'go' });
    await flush();
    actor.stop();
    runs.length = 0;
    const told: unknown[] = [];
    const entries = stand.journal.entries.slice(0, 2);
    await retrace(machine, {
      id: 'it',
      entries,
      onEntry: ({ number, entry, snapshot, live }) =>
        told.push([number, entry.type, (snapshot as { value: unknown }).value, live]),
    });
    expect(told).toEqual([
      [1, 'began', 'a', false],
      [2, 'event', 'b', false],
    ]);
    expect(runs).toEqual([]);
  });

  test('of a machine that did not write it tells what came before the mismatch (D6)', async () => {
    const stand = new Stand();
    const actor = stand.actor(waiter).start();
    actor.send({ type: 'one' });
    await flush();
    actor.send({ type: 'two' });
    await flush();
    actor.stop();
    const other = createMachine({ id: 'other', initial: 'x', states: { x: { on: { one: 'y' } }, y: {} } });
    const told: number[] = [];
    const retraced = retrace(other, {
      id: 'it',
      entries: stand.journal.entries,
      onEntry: ({ number }) => told.push(number),
    });
    await expect(retraced).rejects.toBeInstanceOf(MismatchError);
    // What its third entry noted of the second is not what this machine came to.
    expect(told).toEqual([1, 2]);
  });
});

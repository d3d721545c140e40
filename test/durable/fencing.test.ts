import { beforeAll, describe, expect, test } from 'vitest';
import { assign, fromPromise, setup } from 'xstate';
import { assertHooks, effectKey, OwnershipLostError } from '../../src/durable/index.ts';
import { flush } from '../virtual-time.ts';
import { Stand } from './stand.ts';

beforeAll(assertHooks);

/** Three effects in a row, each started by an event. */
function walker(log: string[]) {
  const step = (name: string) =>
    fromPromise(async ({ self, signal }) => {
      log.push(`run ${effectKey(self)}`);
      signal.addEventListener('abort', () => log.push(`abort ${name}`));
      await new Promise(() => {});
    });
  return setup({
    types: { context: {} as { seen: string[] } },
    actors: { one: step('one'), two: step('two') },
  }).createMachine({
    id: 'walker',
    context: { seen: [] },
    on: { '*': { actions: assign({ seen: ({ context, event }) => [...context.seen, event.type] }) } },
    initial: 'one',
    states: {
      one: { invoke: { id: 'one', src: 'one' }, on: { go: 'two' } },
      two: { invoke: { id: 'two', src: 'two' }, on: { go: 'one' } },
    },
  });
}

const unavailable = () => Object.assign(new Error('No answer.'), { retryable: true });

describe('D3: one writer', () => {
  test('of two hosts over one journal the loser stops at its first append, and starts nothing after it', async () => {
    const stand = new Stand();
    const [first, second]: [string[], string[]] = [[], []];
    const old = stand.actor(walker(first)).start();
    await flush();
    const young = stand.actor(walker(second)).start();
    young.send({ type: 'go' });
    await flush();
    expect(second).toEqual(['run it/one', 'abort one', 'run it/two']);

    const heard: unknown[] = [];
    old.subscribe({ error: (error) => heard.push(error) });
    const delivered = old.deliver({ type: 'go' });
    old.send({ type: 'and' });
    await expect(delivered).rejects.toBeInstanceOf(OwnershipLostError);
    expect(old.status).toBe('lost');
    expect(first).toEqual(['run it/one', 'abort one']);
    expect(await old.settled).toMatchObject({ status: 'lost', error: expect.any(OwnershipLostError) });
    expect(heard).toEqual([expect.any(OwnershipLostError)]);
    // Nothing of it is in the journal, and the other goes on.
    expect(stand.told).toEqual(['began', 'event go']);
    expect(await young.deliver({ type: 'go' })).toEqual({ entry: 3, duplicate: false });
    expect(old.getSnapshot().context).toEqual({ seen: [] });
  });

  test('what the loser runs into later changes nothing: timers, results, events', async () => {
    const stand = new Stand();
    let finish = () => {};
    const machine = setup({
      actors: { slow: fromPromise(() => new Promise<void>((resolve) => (finish = resolve))) },
    }).createMachine({
      id: 'loser',
      invoke: { id: 'slow', src: 'slow', onDone: '.done' },
      initial: 'a',
      states: { a: { after: { 100: 'b' } }, b: {}, done: {} },
    });
    const old = stand.actor(machine).start();
    await flush();
    const finishOld = finish;
    stand.actor(machine).start().send({ type: 'x' });
    await flush();
    old.send({ type: 'y' });
    await flush();
    expect(old.status).toBe('lost');
    finishOld();
    old.send({ type: 'z' });
    await expect(old.deliver({ type: 'z' })).rejects.toBeInstanceOf(OwnershipLostError);
    await stand.clock.advance(200);
    expect(old.getSnapshot().value).toBe('a');
    expect(stand.told).toEqual(['began', 'event x', expect.stringContaining('timer')]);
  });

  test('an append without an answer is repeated as it is, until there is one', async () => {
    const stand = new Stand();
    const batches: unknown[] = [];
    let failures = 3;
    const actor = stand
      .actor(walker([]), {
        append: async (expected, batch) => {
          batches.push(structuredClone([expected, batch]));
          const sequence = await stand.journal.append(expected, batch);
          if (failures-- > 0) throw unavailable();
          return sequence;
        },
      })
      .start();
    actor.send({ type: 'hello' });
    await stand.clock.advance(1_000);
    expect(batches).toHaveLength(4);
    for (const batch of batches) expect(batch).toEqual(batches[0]);
    expect(stand.told).toEqual(['began', 'event hello']);
    expect(actor.getSnapshot().context).toEqual({ seen: ['hello'] });
    expect(stand.reported).toEqual(Array(3).fill('append: No answer.'));
  });

  test('what comes while an append is repeated travels in the next one, together (D2)', async () => {
    const stand = new Stand();
    const sizes: number[] = [];
    let failures = 0;
    const actor = stand
      .actor(walker([]), {
        append: async (expected, batch) => {
          if (failures-- > 0) throw unavailable();
          sizes.push(batch.entries.length);
          return stand.journal.append(expected, batch);
        },
      })
      .start();
    await flush();
    failures = 1;
    actor.send({ type: 'a' });
    await flush();
    actor.send({ type: 'b' });
    actor.send({ type: 'c' });
    expect(actor.getSnapshot().context).toEqual({ seen: [] });
    await stand.clock.advance(1_000);
    expect(sizes).toEqual([1, 1, 2]);
    expect(actor.getSnapshot().context).toEqual({ seen: ['a', 'b', 'c'] });
  });

  test('a conflict with one’s own commit means that it was stored', async () => {
    const stand = new Stand();
    let lose = true;
    const actor = stand
      .actor(walker([]), {
        append: async (expected, batch) => {
          const sequence = await stand.journal.append(expected, batch);
          if (!lose) return sequence;
          lose = false;
          // As JetStream answers at R3: the repeat conflicts with what it stored.
          throw Object.assign(new Error('conflict'), { expected, sequence, writer: batch.writer });
        },
      })
      .start();
    actor.send({ type: 'mine' });
    await flush();
    expect(actor.status).toBe('live');
    expect(actor.getSnapshot().context).toEqual({ seen: ['mine'] });
    expect(stand.told).toEqual(['began', 'event mine']);
  });

  test('each life writes under a name of its own, also in one process', async () => {
    const stand = new Stand();
    const writers = new Set<string>();
    const append: typeof stand.journal.append = (expected, batch) => {
      writers.add(batch.writer);
      return stand.journal.append(expected, batch);
    };
    const first = stand.actor(walker([]), { append, writer: 'worker-1' }).start();
    await flush();
    first.stop();
    stand.actor(walker([]), { append, writer: 'worker-1' }).start().send({ type: 'x' });
    await flush();
    expect(writers.size).toBe(2);
    for (const writer of writers) expect(writer).toMatch(/^worker-1:/);
  });

  test('a journal that was emptied is lost, not begun again', async () => {
    const stand = new Stand();
    const actor = stand.actor(walker([])).start();
    await flush();
    const emptied = stand.actor(walker([]), {
      append: async (expected) => {
        throw Object.assign(new Error('empty'), { expected, sequence: 0, writer: undefined });
      },
    });
    emptied.start().send({ type: 'x' });
    await flush();
    expect(emptied.status).toBe('lost');
    expect(actor.status).toBe('live');
  });
});

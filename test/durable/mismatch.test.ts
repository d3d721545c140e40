import { beforeAll, describe, expect, test } from 'vitest';
import { assign, createMachine, fromPromise, setup } from 'xstate';
import { taskFromData } from '../../machines/task/index.ts';
import { assertHooks, chartHash, MismatchError } from '../../src/durable/index.ts';
import { flush } from '../virtual-time.ts';
import { Stand } from './stand.ts';

beforeAll(assertHooks);

/** A task of steps in a row; those that `hang` do not come to an end. */
function task(names: readonly string[], { hang = [], runs = [] }: { hang?: string[]; runs?: string[] } = {}) {
  const steps = names.map((name, index) => ({ name, after: names.slice(0, index).slice(-1) }));
  return taskFromData({ name: 'task', version: names.length > 0 ? names.join('.') : '0', steps }).provide(
    Object.fromEntries(
      names.map((name) => [
        name,
        async ({ key }: { key: string }) => {
          runs.push(key);
          if (hang.includes(name)) await new Promise(() => {});
          return name;
        },
      ]),
    ),
  ).machine;
}

const input = { id: 'it', context: {} };

/** The journal of the old task, which waits in its step b. */
async function waitingInB({ rests = false } = {}) {
  const stand = new Stand();
  const actor = stand.actor(task(['a', 'b', 'c'], { hang: ['b'] }), { input, hashContext: false }).start();
  await flush();
  if (rests) await actor.rest();
  return stand.journal.entries;
}

describe('D6: old code, new code', () => {
  test.each([
    { changed: 'a step added behind', steps: ['a', 'b', 'c', 'd'], runs: ['it/b', 'it/c', 'it/d'] },
    { changed: 'a later step removed', steps: ['a', 'b'], runs: ['it/b'] },
    { changed: 'a later step renamed', steps: ['a', 'b', 'see'], runs: ['it/b', 'it/see'] },
    // What the journal does not speak of can change freely: b had not come to anything.
    { changed: 'the step it waits in removed', steps: ['a', 'c'], runs: ['it/c'] },
    { changed: 'the step it waits in renamed', steps: ['a', 'bee', 'c'], runs: ['it/bee', 'it/c'] },
    { changed: 'a step added before it', steps: ['a', 'new', 'b', 'c'], runs: ['it/new', 'it/b', 'it/c'] },
    { changed: 'later steps reordered', steps: ['a', 'c', 'b'], runs: ['it/c', 'it/b'] },
  ])('$changed: it goes on, and repeats nothing', async ({ steps, runs }) => {
    const stand = new Stand({ entries: await waitingInB() });
    const seen: string[] = [];
    const actor = stand.actor(task(steps, { runs: seen }), { hashContext: false }).start();
    await actor.settled;
    expect(actor.getSnapshot().value).toBe('succeeded');
    expect(seen).toEqual(runs);
  });

  test.each([
    {
      changed: 'the first step removed',
      steps: ['b', 'c'],
      at: 2,
      message: /on replay it stands at \{"value":\{"b":"running"\}\}/,
    },
    {
      changed: 'the first step renamed',
      steps: ['ay', 'b'],
      at: 2,
      message:
        /the machine stood at \{"value":\{"a":"running"\}\}; on replay it stands at \{"value":\{"ay":"running"\}\}/,
    },
    {
      changed: 'the finished step moved behind',
      steps: ['b', 'a', 'c'],
      at: 2,
      message: /stood at \{"value":\{"a":"running"\}\}/,
    },
  ])('$changed: it is blocked, and a person is told what to do', async ({ steps, at, message }) => {
    const entries = await waitingInB();
    const stand = new Stand({ entries });
    const runs: string[] = [];
    const actor = stand.actor(task(steps, { runs }), { hashContext: false });
    const heard: unknown[] = [];
    actor.subscribe({ error: (error) => heard.push(error) });
    const outcome = await actor.start().settled;
    if (outcome.status !== 'blocked') throw new Error(`It is ${outcome.status}.`);
    const { error } = outcome;
    expect(error).toMatchObject({ entry: at, charts: { recorded: { version: 'a.b.c' } } });
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^Actor "it" is blocked at entry 2: /);
    expect(error.message).toContain('Bring that code back and it goes on');
    expect(heard).toEqual([error]);
    // Nothing was started, nothing written.
    expect(runs).toEqual([]);
    expect(stand.journal.entries).toEqual(entries);

    const back: string[] = [];
    const old = stand.actor(task(['a', 'b', 'c'], { runs: back }), { hashContext: false }).start();
    await old.settled;
    expect(old.getSnapshot().value).toBe('succeeded');
    expect(back).toEqual(['it/b', 'it/c']);
  });

  test('a closing note tells even of the state that nothing came to yet', async () => {
    const entries = await waitingInB({ rests: true });
    expect(entries.at(-1)).toMatchObject({ type: 'rested', note: { '': { value: { b: 'running' } } } });
    const changed = new Stand({ entries }).actor(task(['a', 'c'])).start();
    expect(changed.status).toBe('blocked');
    const same = new Stand({ entries }).actor(task(['a', 'b', 'c'])).start();
    expect(same.status).toBe('live');
  });

  test('a timer that is not armed any more blocks', async () => {
    const timed = (delay: number) =>
      createMachine({
        id: 'timed',
        initial: 'a',
        states: { a: { after: { [delay]: 'b' } }, b: { on: { go: 'c' } }, c: {} },
      });
    const stand = new Stand();
    stand.actor(timed(100)).start();
    await stand.clock.advance(100);
    const actor = new Stand({ entries: stand.journal.entries }).actor(timed(50)).start();
    expect(await actor.settled).toMatchObject({ status: 'blocked', error: { entry: 2 } });
    expect(actor.status).toBe('blocked');
    await expect(actor.deliver({ type: 'go' })).rejects.toThrow('is blocked at entry 2');
  });

  test('an effect that is another one under the same id does not take its result', async () => {
    const stand = new Stand();
    const asks = (times: number) =>
      setup({ actors: { ask: fromPromise(async () => 'x') } }).createMachine({
        id: 'asks',
        initial: 'a',
        context: { n: 0 },
        states: {
          a: {
            invoke: {
              id: 'ask',
              src: 'ask',
              onDone: [{ guard: ({ context }) => context.n + 1 < times, target: 'again' }, 'b'],
            },
          },
          again: { entry: assign({ n: ({ context }) => context.n + 1 }), always: 'a' },
          b: {},
        },
      });
    stand.actor(asks(3), { hashContext: false }).start();
    await flush();
    expect(stand.told).toEqual(['began', 'resolved ask', 'resolved ask#2', 'resolved ask#3']);
    const actor = new Stand({ entries: stand.journal.entries })
      .actor(asks(1), { hashContext: false })
      .start();
    expect(await actor.settled).toMatchObject({ status: 'blocked', error: { entry: 3 } });
  });

  test('a child machine’s state is compared too', async () => {
    const family = (start: string) =>
      setup({
        actors: {
          child: createMachine({ initial: start, states: { a: { on: { x: 'b' } }, b: {}, c: {} } }),
        },
      }).createMachine({
        id: 'family',
        invoke: { id: 'child', src: 'child' },
        initial: 'on',
        states: { on: { on: { go: 'off' } }, off: {} },
      });
    const stand = new Stand();
    stand.actor(family('a')).start().send({ type: 'go' });
    await flush();
    stand.actor(family('a')).start().send({ type: 'again' });
    await flush();
    const actor = new Stand({ entries: stand.journal.entries }).actor(family('c')).start();
    expect(await actor.settled).toMatchObject({
      status: 'blocked',
      error: { address: 'child', recorded: { value: 'a' }, replayed: { value: 'c' } },
    });
  });

  test('an assign that is not pure is found by the hash of the context, in tests: at once, or on replay', async () => {
    let ticks = 0;
    const impure = setup({ types: { context: {} as { n: number } } }).createMachine({
      id: 'impure',
      context: { n: 0 },
      on: { tick: { actions: assign({ n: () => ++ticks }) } },
    });
    const found = new Stand();
    const live = found.actor(impure).start();
    await live.deliver({ type: 'tick' });
    await expect(live.settled).resolves.toMatchObject({ status: 'blocked' });
    expect(found.journal.entries).toHaveLength(2);

    ticks = 0;
    const stand = new Stand();
    const actor = stand.actor(impure, { alwaysReplay: false }).start();
    await actor.deliver({ type: 'tick' });
    await actor.deliver({ type: 'tick' });
    const { entries } = stand.journal;
    const outcome = await new Stand({ entries }).actor(impure).start().settled;
    expect(outcome).toMatchObject({ status: 'blocked', error: expect.any(MismatchError) });
    expect('error' in outcome && outcome.error.message).toContain('The chart is the same');
  });

  test('an entry of a type that is not known blocks; one of somebody else is passed over', async () => {
    const machine = createMachine({ id: 'm' });
    const stand = new Stand();
    stand.actor(machine).start();
    await flush();
    const [began] = stand.journal.entries;
    if (!began) throw new Error('It has not begun.');
    const noted = new Stand({ entries: [{ type: 'task.requested' }, began, { type: 'task.noted' }] });
    const actor = noted.actor(machine).start();
    expect(await actor.deliver({ type: 'x' })).toEqual({ entry: 4, duplicate: false });
    const odd = new Stand({ entries: [began, { type: 'teleported' }] }).actor(machine).start();
    expect(await odd.settled).toMatchObject({ status: 'blocked', error: { entry: 2 } });
  });

  test('the hash of a chart is that of its diagram', () => {
    const config = { id: 'm', initial: 'a', states: { a: {}, b: {} } };
    expect(chartHash(createMachine(config))).toBe(chartHash(createMachine({ ...config })));
    expect(chartHash(createMachine(config))).not.toBe(chartHash(createMachine({ ...config, initial: 'b' })));
    const machine = createMachine(config);
    expect(chartHash(machine.provide({ actions: {} }))).toBe(chartHash(machine));
  });
});

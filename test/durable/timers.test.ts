import { beforeAll, describe, expect, test } from 'vitest';
import { type AnyStateMachine, assign, createMachine, raise, setup } from 'xstate';
import { LONGEST_TIMEOUT } from '../../machines/clock.ts';
import { assertHooks } from '../../src/durable/index.ts';
import { flush, VirtualClock } from '../virtual-time.ts';
import { Stand } from './stand.ts';

beforeAll(assertHooks);

const DAY = 24 * 60 * 60 * 1_000;

const patient = createMachine({
  id: 'patient',
  initial: 'waiting',
  states: { waiting: { after: { [25 * DAY]: 'over' } }, over: { type: 'final' } },
});

/** Waits as Node does: what is longer than it can count fires at once. */
class NodeLikeClock extends VirtualClock {
  override setTimeout(fn: () => void, timeout: number): number {
    return super.setTimeout(fn, timeout > LONGEST_TIMEOUT ? 1 : timeout);
  }
}

/** The entries of a machine that began at time 0 and whose process died soon after. */
async function begun(machine: AnyStateMachine = patient) {
  const stand = new Stand();
  stand.actor(machine).start();
  await flush();
  return stand.journal.entries;
}

describe('D5: timers are absolute', () => {
  test('25 days, uncut: not at once, though Node cannot count so far', async () => {
    const stand = new Stand();
    const clock = new NodeLikeClock();
    const actor = stand.actor(patient, { clock }).start();
    await clock.advance(25 * DAY - 1);
    expect(actor.getSnapshot().value).toBe('waiting');
    await clock.advance(1);
    expect(actor.getSnapshot().value).toBe('over');
    expect(stand.told).toEqual(['began', expect.stringMatching(/^timer xstate\.after\./), 'ended']);
  });

  test('25 days, cut and restored on day 3: fires on day 25', async () => {
    const stand = new Stand({ time: 3 * DAY, entries: await begun() });
    const clock = new NodeLikeClock(3 * DAY);
    const actor = stand.actor(patient, { clock }).start();
    await clock.advanceTo(25 * DAY - 1);
    expect(actor.getSnapshot().value).toBe('waiting');
    await clock.advanceTo(25 * DAY);
    expect(actor.getSnapshot().value).toBe('over');
    expect(stand.journal.entries[1]).toMatchObject({ type: 'timer', at: 25 * DAY });
  });

  test('25 days, cut and restored on day 30: fires at once', async () => {
    const stand = new Stand({ time: 30 * DAY, entries: await begun() });
    const actor = stand.actor(patient).start();
    await flush();
    expect(actor.getSnapshot().value).toBe('over');
    expect(stand.journal.entries[1]).toMatchObject({ type: 'timer', at: 30 * DAY });
  });

  test('restored again and again on the way, the deadline stays', async () => {
    let entries = await begun();
    for (const day of [1, 2, 10, 24]) {
      const stand = new Stand({ time: day * DAY, entries });
      const actor = stand.actor(patient).start();
      await flush();
      expect(actor.waiting()).toEqual({ until: 25 * DAY });
      entries = stand.journal.entries;
    }
    const stand = new Stand({ time: 24.5 * DAY, entries });
    const actor = stand.actor(patient).start();
    await stand.clock.advanceTo(25 * DAY);
    expect(actor.status).toBe('ended');
  });

  test('a timer that follows another counts from the entry of that one', async () => {
    const steps = createMachine({
      id: 'steps',
      initial: 'a',
      states: { a: { after: { 1000: 'b' } }, b: { after: { 1000: 'c' } }, c: {} },
    });
    const stand = new Stand({ time: 5_000, entries: await begun(steps) });
    const first = stand.actor(steps).start();
    await flush();
    expect(first.getSnapshot().value).toBe('b');
    expect(first.waiting()).toEqual({ until: 6_000 });

    const later = new Stand({ time: 5_500, entries: stand.journal.entries });
    const second = later.actor(steps).start();
    await flush();
    expect(second.waiting()).toEqual({ until: 6_000 });
  });

  test('those that are past fire in the order of their deadlines, and one may cancel the next', async () => {
    const machine = setup({ types: { context: {} as { rung: string[] } } }).createMachine({
      id: 'bells',
      context: { rung: [] },
      entry: ['third', 'first', 'second'].map((name, index) =>
        raise({ type: name }, { delay: [300, 100, 200][index] ?? 0, id: name }),
      ),
      on: {
        '*': { actions: assign({ rung: ({ context, event }) => [...context.rung, event.type] }) },
      },
      initial: 'on',
      states: { on: { after: { 250: 'off' } }, off: {} },
    });
    const stand = new Stand({ time: 1_000, entries: await begun(machine) });
    const actor = stand.actor(machine).start();
    await flush();
    expect(actor.getSnapshot().context.rung).toEqual(['first', 'second', 'third']);
    expect(actor.getSnapshot().value).toBe('off');
  });

  test('a timer that has fired but is cancelled before its entry is delivered does nothing, on replay neither', async () => {
    const machine = createMachine({
      id: 'race',
      initial: 'a',
      states: { a: { on: { stay: 'b' }, after: { 10: 'late' } }, b: {}, late: {} },
    });
    const stand = new Stand();
    const actor = stand.actor(machine).start();
    await flush();
    stand.clock.setTimeout(() => actor.send({ type: 'stay' }), 10);
    // The event comes in the turn in which the timer fires, and before it.
    stand.clock.set(9);
    actor.send({ type: 'stay' });
    stand.clock.set(10);
    await flush();
    expect(stand.told.slice(0, 3)).toEqual(['began', 'event stay', expect.stringContaining('timer')]);
    expect(actor.getSnapshot().value).toBe('b');
    const again = new Stand({ time: 20, entries: stand.journal.entries }).actor(machine).start();
    expect(again.status).toBe('live');
    expect(again.getSnapshot().value).toBe('b');
  });

  test('a clock that is set back fires too early: it is waited again', async () => {
    const stand = new Stand();
    let set = 0;
    const clock = {
      now: () => stand.clock.now() - set,
      setTimeout: (fn: () => void, ms: number) => stand.clock.setTimeout(fn, ms),
      clearTimeout: (id: number) => stand.clock.clearTimeout(id),
    };
    const machine = createMachine({
      id: 'early',
      initial: 'a',
      states: { a: { after: { 100: 'b' } }, b: {} },
    });
    const actor = stand.actor(machine, { clock }).start();
    await flush();
    set = 30;
    await stand.clock.advanceTo(129);
    expect(actor.getSnapshot().value).toBe('a');
    await stand.clock.advanceTo(130);
    expect(actor.getSnapshot().value).toBe('b');
  });
});

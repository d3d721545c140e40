import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineTask } from '../../machines/task/index.ts';
import { collect } from '../conformance/stand.ts';
import { refuseStrayErrors } from '../machines/supervisor/stray-errors.ts';
import { changesOf, openStand, type Stand } from './stand.ts';

refuseStrayErrors();

const HOUR = 60 * 60 * 1_000;

/** Prepares, waits for an approval, ships. Its effects fail while they are told to. */
function shipment() {
  const calls: string[] = [];
  const failing = new Set<string>();
  const does = (step: string) => {
    calls.push(step);
    if (failing.has(step)) throw new Error(`${step} went wrong`);
    return `${step}.${calls.length}`;
  };
  const task = defineTask({
    name: 'shipment',
    version: '1',
    context: z.object({}),
    retry: { attempts: 2, baseDelay: 10_000, jitter: 'none' },
  })
    .step('prepare', { output: z.string(), run: () => does('prepare') })
    .step('approve', {
      after: ['prepare'],
      event: 'shipment.approved',
      within: 24 * HOUR,
      output: z.object({ by: z.string() }),
    })
    .step('ship', { after: ['approve'], output: z.string(), run: () => does('ship') })
    .build();
  return { task, calls, failing };
}

const entriesOf = async (stand: Stand) =>
  (await collect(stand.backend.journal.read('a'))).flatMap(({ entries }) => entries) as Record<
    string,
    unknown
  >[];

async function begun(stand: Stand, made = shipment()) {
  const service = await stand.serve([made.task]);
  const task = await service.submit({ id: 'a', name: 'shipment' });
  await stand.pass();
  return { ...made, service, handle: task };
}

const approved = { type: 'shipment.approved', data: { by: 'Ada' } };

describe('a task that waits for an approval', () => {
  test('is parked until that comes, and goes on with what it says', async () => {
    await using stand = openStand();
    const { handle } = await begun(stand);
    await expect(handle.view()).resolves.toMatchObject({
      status: 'parked',
      steps: { approve: { status: 'running', attempts: 1 } },
    });
    await handle.send(approved);
    await stand.pass();
    await expect(handle.result()).resolves.toMatchObject({ status: 'complete', output: { ship: 'ship.2' } });
    await stand.pass(30 * HOUR);
    expect(stand.reports).toEqual([]);
  });

  test('fails when its time is over', async () => {
    await using stand = openStand();
    const { handle, calls } = await begun(stand);
    await stand.pass(24 * HOUR);
    await expect(handle.result()).resolves.toMatchObject({
      status: 'error',
      error: { step: 'approve', code: 'timeout' },
    });
    expect(calls).toEqual(['prepare']);
  });

  test('takes an event once, whoever sends it again', async () => {
    await using stand = openStand();
    const { handle, calls } = await begun(stand);
    await handle.send(approved, { eventId: 'approval-1' });
    await handle.send(approved, { eventId: 'approval-1' });
    await stand.pass();
    await handle.result();
    await handle.send(approved, { eventId: 'approval-1' });
    expect(calls).toEqual(['prepare', 'ship']);
    const events = (await entriesOf(stand)).filter(({ type }) => type === 'event');
    expect(events).toHaveLength(1);
  });

  test.each([
    [{ type: 'shipment.approved', data: { by: 5 } }, /results\.approve\.by.*expected string/s],
    [{ type: 'shipment.approved' }, /results\.approve/],
    [
      { type: 'shipment.lost' },
      'Task "a" does not take "shipment.lost": now it takes "shipment.approved", "task.cancel".',
    ],
    [{ type: 'task.resume' }, 'does not take "task.resume": it is not paused: parked'],
    [{ type: 'xstate.done' }, /event\.type/],
    [{ type: 'task.pause', by: 5 }, /event\.by/],
    [{ type: 'task.pause', for: 'ever' }, /for/],
    [{}, /event\.type/],
  ])('refuses %j with the reason, and stays as it is', async (event, message) => {
    await using stand = openStand();
    const { handle } = await begun(stand);
    const before = await entriesOf(stand);
    await expect(handle.send(event as never)).rejects.toThrow(message);
    await stand.pass();
    expect(await entriesOf(stand)).toEqual(before);
  });
});

describe('a task that is paused', () => {
  test('starts no attempt until it is resumed; who and why is in its journal', async () => {
    await using stand = openStand();
    const { handle, calls } = await begun(stand);
    await handle.pause({ by: 'Ada', reason: 'the carrier is on strike' });
    await handle.send(approved);
    await stand.pass(HOUR);
    await expect(handle.view()).resolves.toMatchObject({ status: 'paused' });
    expect(calls).toEqual(['prepare']);
    await expect(handle.pause()).rejects.toThrow('it is paused already');
    await handle.resume({ by: 'Ada' });
    await stand.pass();
    await expect(handle.result()).resolves.toMatchObject({ status: 'complete' });
    expect(calls).toEqual(['prepare', 'ship']);
    const acts = (await entriesOf(stand)).flatMap(({ type, event }) => (type === 'event' ? [event] : []));
    expect(acts).toEqual([
      { type: 'task.pause', by: 'Ada', reason: 'the carrier is on strike' },
      approved,
      { type: 'task.resume', by: 'Ada' },
    ]);
    const statuses = (await changesOf(handle)).map(({ data }) => data.status);
    expect(statuses.filter((status, index) => status !== statuses[index - 1])).toEqual([
      'running',
      'parked',
      'paused',
      'running',
      'complete',
    ]);
  });

  test('in mid-backoff stays so through kill and drain, and goes on after', async () => {
    await using stand = openStand();
    const made = shipment();
    made.failing.add('prepare');
    const { handle, calls, service } = await begun(stand, made);
    await handle.pause();
    await stand.pass(HOUR);
    expect(calls).toEqual(['prepare']);
    await stand.kill(service);
    const second = await stand.serve([made.task]);
    await stand.pass(HOUR);
    await stand.drain(second);
    const third = await stand.serve([made.task]);
    await stand.pass(HOUR);
    expect(calls).toEqual(['prepare']);
    made.failing.clear();
    await (await third.task('a')).resume();
    await stand.pass();
    expect(calls).toEqual(['prepare', 'prepare']);
    await expect(handle.view()).resolves.toMatchObject({ steps: { prepare: { status: 'complete' } } });
  });

  test('can be cancelled', async () => {
    await using stand = openStand();
    const { handle } = await begun(stand);
    await handle.pause();
    await handle.cancel('enough', { by: 'Ada' });
    await stand.pass();
    await expect(handle.result()).resolves.toMatchObject({ status: 'cancelled' });
    await expect(handle.resume()).rejects.toThrow('it has ended: cancelled');
  });
});

describe('a task that has failed', () => {
  async function failed(stand: Stand) {
    const made = shipment();
    made.failing.add('ship');
    const all = await begun(stand, made);
    await all.handle.send(approved);
    await stand.pass(HOUR);
    await expect(all.handle.result()).resolves.toMatchObject({ status: 'error', error: { step: 'ship' } });
    return all;
  }

  test('is tried again: what succeeded is kept, the rest has fresh attempts', async () => {
    await using stand = openStand();
    const { handle, calls, failing } = await failed(stand);
    failing.clear();
    await handle.retry({ by: 'Ada', reason: 'mended' });
    await stand.pass();
    await expect(handle.result()).resolves.toMatchObject({
      status: 'complete',
      steps: { prepare: { status: 'complete' }, ship: { status: 'complete', attempts: 1 } },
    });
    expect(calls).toEqual(['prepare', 'ship', 'ship', 'ship']);
    expect(await entriesOf(stand)).toContainEqual(
      expect.objectContaining({ type: 'task.restarted', by: 'Ada', reason: 'mended' }),
    );
  });

  test('is tried again from a step on: that and what follows runs anew', async () => {
    await using stand = openStand();
    const { handle, calls, failing } = await failed(stand);
    failing.clear();
    await handle.retry({ from: 'approve' });
    await stand.pass();
    await expect(handle.view()).resolves.toMatchObject({
      status: 'parked',
      steps: { approve: { status: 'running' } },
    });
    await handle.send(approved);
    await stand.pass();
    await handle.result();
    await handle.retry({ from: 'prepare' });
    await stand.pass();
    expect(calls.filter((step) => step === 'prepare')).toHaveLength(2);
  });

  test('goes on with an output by hand, and says which', async () => {
    await using stand = openStand();
    const { handle } = await failed(stand);
    await handle.resolve('ship', 'sent by bicycle', { by: 'Ada' });
    await stand.pass();
    await expect(handle.result()).resolves.toMatchObject({
      status: 'complete',
      output: { ship: 'sent by bicycle' },
      steps: { ship: { status: 'resolved_manually' }, prepare: { status: 'complete' } },
    });
  });

  test('by one action, sent twice, is begun anew once', async () => {
    await using stand = openStand();
    const { handle, failing, calls } = await failed(stand);
    failing.clear();
    await handle.retry({}, { eventId: 'retry-1' });
    await stand.pass();
    await handle.retry({}, { eventId: 'retry-1' });
    await stand.pass();
    await expect(handle.result()).resolves.toMatchObject({ status: 'complete' });
    expect(calls).toEqual(['prepare', 'ship', 'ship', 'ship']);
  });

  test.each([
    ['an output that is none of its step', 'ship', 5, /results\.ship.*expected string/s],
    ['a step that has one', 'prepare', 'x', 'its step "prepare" has an output already'],
    ['a step that is none', 'fly', 'x', /no step is named "fly"/],
  ])('refuses %s', async (_, step, output, message) => {
    await using stand = openStand();
    const { handle } = await failed(stand);
    await expect(handle.resolve(step, output)).rejects.toThrow(message);
    await expect(handle.result()).resolves.toMatchObject({ status: 'error' });
  });

  test('refuses a step that is none to begin from', async () => {
    await using stand = openStand();
    const { handle } = await failed(stand);
    await expect(handle.retry({ from: 'fly' })).rejects.toThrow(
      /event\.from.*no step is named "fly"; there is "prepare"/s,
    );
  });
});

describe('a task that goes on by itself', () => {
  test('is neither tried again nor resolved', async () => {
    await using stand = openStand();
    const { handle } = await begun(stand);
    await expect(handle.retry()).rejects.toThrow(
      'does not take "task.retry": it is parked, not failed, cancelled or blocked',
    );
    await expect(handle.resolve('approve', { by: 'me' })).rejects.toThrow('it is parked');
    await handle.send(approved);
    await stand.pass();
    await handle.result();
    await expect(handle.retry()).rejects.toThrow('it is complete');
    await expect(handle.send(approved)).rejects.toThrow('it has ended: complete');
  });

  test('takes actions in whichever service it lives, and when its process dies between', async () => {
    await using stand = openStand();
    const made = shipment();
    const { service, handle } = await begun(stand, made);
    const door = await stand.serve([made.task]);
    await stand.kill(service);
    const far = await door.task('a');
    await far.send(approved);
    await stand.pass();
    await expect(handle.result()).resolves.toMatchObject({ status: 'complete' });
  });
});

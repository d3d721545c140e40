import { describe, expect, test, vi } from 'vitest';
import { createActor, toPromise } from 'xstate';
import { type IntakeInput, supervisorMachine } from '../../../machines/supervisor/index.ts';
import { turns } from './pool-stand.ts';
import { refuseStrayErrors } from './stray-errors.ts';
import { offer, startSupervisor, taken } from './supervisor-stand.ts';

refuseStrayErrors();

describe('a supervisor', () => {
  test('starts, and takes as many as there are places', async () => {
    const intake = vi.fn(taken);
    const { supervisor } = startSupervisor({ intake });
    expect(supervisor.getSnapshot().hasTag('starting')).toBe(true);
    expect(intake).not.toHaveBeenCalled();
    await turns();
    expect(supervisor.getSnapshot().hasTag('taking')).toBe(true);
    expect(intake).toHaveBeenCalledExactlyOnceWith({ limit: 7 }, expect.any(AbortSignal));
    supervisor.stop();
  });

  test('that cannot open is stopped and says why', async () => {
    const refused = new Error('no such stream');
    const { supervisor, clock } = startSupervisor({ open: () => Promise.reject(refused) });
    await expect(toPromise(supervisor)).resolves.toEqual({ handedBack: 0, error: refused });
    expect(supervisor.getSnapshot().hasTag('stopped')).toBe(true);
    expect(clock.pending).toBe(0);
  });

  test('whose inbox cannot be taken from tells of it, waits, and takes again; what lives goes on', async () => {
    const away = new Error('away');
    let attempts = 0;
    const intake = async (input: IntakeInput, signal: AbortSignal) => {
      attempts += 1;
      if (attempts !== 4) throw away;
      return taken(input, signal);
    };
    const { supervisor, clock, reports, made } = startSupervisor({ intake });
    await turns();
    const delivery = await offer(supervisor, 'a');
    for (const expected of [1, 2, 3]) {
      expect(attempts).toBe(expected);
      expect(supervisor.getSnapshot().hasTag('waiting')).toBe(true);
      await clock.advance(999);
      expect(attempts).toBe(expected);
      await clock.advance(1);
    }
    expect(attempts).toBe(4);
    expect(supervisor.getSnapshot().hasTag('taking')).toBe(true);
    expect(reports).toEqual(Array(3).fill({ type: 'intake.failed', error: away }));
    expect(made[0]?.state).toBe('live');
    expect(delivery.settled).toEqual([]);
    supervisor.stop();
  });

  test('whose inbox ends by itself takes from it again', async () => {
    let attempts = 0;
    const { supervisor, clock } = startSupervisor({
      intake: async () => {
        attempts += 1;
      },
    });
    await turns();
    expect(supervisor.getSnapshot().hasTag('waiting')).toBe(true);
    await clock.advance(1_000);
    expect(attempts).toBe(2);
    supervisor.stop();
  });

  test('drained before it is open is stopped at once', async () => {
    const { supervisor } = startSupervisor({ open: () => new Promise(() => {}) });
    supervisor.send({ type: 'supervisor.drain' });
    await expect(toPromise(supervisor)).resolves.toEqual({ handedBack: 0 });
  });

  test('drained while it takes stops taking; drained while it waits never takes again', async () => {
    let signal: AbortSignal | undefined;
    const taking = startSupervisor({
      intake: (input, given) => {
        signal = given;
        return taken(input, given);
      },
    });
    await turns();
    taking.supervisor.send({ type: 'supervisor.drain' });
    expect(signal?.aborted).toBe(true);
    await expect(toPromise(taking.supervisor)).resolves.toEqual({ handedBack: 0 });

    const intake = vi.fn(() => Promise.reject(new Error('away')));
    const waiting = startSupervisor({ intake });
    await turns();
    waiting.supervisor.send({ type: 'supervisor.drain' });
    await waiting.clock.advance(60_000);
    expect(waiting.supervisor.getSnapshot().status).toBe('done');
    expect(intake).toHaveBeenCalledTimes(1);
  });

  test('drains as soon as what lives has ended, not later', async () => {
    const { supervisor, clock, made } = startSupervisor();
    await turns();
    const delivery = await offer(supervisor, 'a');
    supervisor.send({ type: 'supervisor.drain' });
    await clock.advance(4_999);
    expect(supervisor.getSnapshot().hasTag('finishing')).toBe(true);
    made[0]?.end();
    await turns();
    expect(supervisor.getSnapshot().output).toEqual({ handedBack: 0 });
    expect(delivery.settled).toEqual(['acknowledged']);
    expect(clock.pending).toBe(0);
  });

  test('hands back what has not ended within its bound, and says how much that was', async () => {
    const { supervisor, clock, made } = startSupervisor();
    await turns();
    const deliveries = [await offer(supervisor, 'a'), await offer(supervisor, 'b')];
    supervisor.send({ type: 'supervisor.drain' });
    await clock.advance(4_999);
    expect(deliveries.map(({ settled }) => settled)).toEqual([[], []]);
    await clock.advance(1);
    expect(deliveries.map(({ settled }) => settled)).toEqual([['handed back'], ['handed back']]);
    expect(made.map(({ state }) => state)).toEqual(['stopped', 'stopped']);
    expect(supervisor.getSnapshot().output).toEqual({ handedBack: 2 });
    expect(clock.pending).toBe(0);
  });

  test('drained twice drains once', async () => {
    const { supervisor, clock } = startSupervisor();
    await turns();
    await offer(supervisor, 'a');
    supervisor.send({ type: 'supervisor.drain' });
    await clock.advance(3_000);
    supervisor.send({ type: 'supervisor.drain' });
    await clock.advance(2_000);
    expect(supervisor.getSnapshot().output).toEqual({ handedBack: 1 });
  });

  test('ends although its pool never answers', async () => {
    const { supervisor, clock } = startSupervisor({ deafPool: true });
    await turns();
    supervisor.send({ type: 'supervisor.drain' });
    await clock.advance(5_000);
    expect(supervisor.getSnapshot().hasTag('handing_back')).toBe(true);
    await clock.advance(4_999);
    expect(supervisor.getSnapshot().status).toBe('active');
    await clock.advance(1);
    expect(supervisor.getSnapshot().output).toEqual({ handedBack: 0 });
  });

  test('ends although the inbox never confirms what it was handed back', async () => {
    const { supervisor, clock } = startSupervisor();
    await turns();
    const delivery = await offer(supervisor, 'a');
    delivery.onSettle = () => new Promise(() => {});
    supervisor.send({ type: 'supervisor.drain' });
    await clock.advance(10_000);
    expect(supervisor.getSnapshot().status).toBe('done');
    expect(clock.pending).toBe(0);
  });

  test('reports what goes wrong with tasks and deliveries, in every state, and goes on', async () => {
    const { supervisor, reports, made } = startSupervisor();
    const said = ['task.crashed', 'task.refused', 'task.lost', 'delivery.unsettled'] as const;
    const tell = () => {
      for (const type of said) supervisor.send({ type, id: 'a', error: 'no' });
    };
    tell();
    await turns();
    tell();
    await offer(supervisor, 'b');
    supervisor.send({ type: 'supervisor.drain' });
    tell();
    expect(reports).toEqual(
      Array(3)
        .fill(said.map((type) => ({ type, id: 'a', error: 'no' })))
        .flat(),
    );
    made[0]?.end();
    await expect(toPromise(supervisor)).resolves.toEqual({ handedBack: 0 });
  });

  test('without actors filled in says which one is missing', async () => {
    const supervisor = createActor(supervisorMachine, { input: { limit: 1, drainWithin: 0 } }).start();
    const { error } = await toPromise(supervisor);
    expect(error).toMatchObject({ message: expect.stringContaining('"open" is not filled in') });
  });
});

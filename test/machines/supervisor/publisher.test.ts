import { describe, expect, test, vi } from 'vitest';
import { toPromise } from 'xstate';
import { publishThrough } from '../../../machines/supervisor/index.ts';
import { turns } from './pool-stand.ts';
import { refuseStrayErrors } from './stray-errors.ts';
import { offer, startSupervisor } from './supervisor-stand.ts';

refuseStrayErrors();

describe('publishing through a supervisor', () => {
  test('makes one attempt an ask and resolves with the acknowledgement', async () => {
    const publish = vi.fn(async (message: unknown) => ({ stored: message }));
    const { supervisor } = startSupervisor({ publish });
    await expect(publishThrough(supervisor, 'hello')).resolves.toEqual({ stored: 'hello' });
    expect(publish).toHaveBeenCalledExactlyOnceWith('hello');
    supervisor.stop();
  });

  test('rejects with the very error of the bus, whether it rejects or throws, and goes on', async () => {
    const away = new Error('away');
    const publish = vi.fn<(message: unknown) => Promise<unknown>>();
    const { supervisor } = startSupervisor({ publish });
    publish.mockRejectedValueOnce(away);
    await expect(publishThrough(supervisor, 1)).rejects.toBe(away);
    publish.mockImplementationOnce(() => {
      throw away;
    });
    await expect(publishThrough(supervisor, 2)).rejects.toBe(away);
    publish.mockResolvedValueOnce('stored');
    await expect(publishThrough(supervisor, 3)).resolves.toBe('stored');
    expect(publish).toHaveBeenCalledTimes(3);
    supervisor.stop();
  });

  test('one slow publication holds up no other', async () => {
    const slow = Promise.withResolvers<unknown>();
    const publish = async (message: unknown) => (message === 'slow' ? slow.promise : message);
    const { supervisor } = startSupervisor({ publish });
    const first = publishThrough(supervisor, 'slow');
    await expect(publishThrough(supervisor, 'quick')).resolves.toBe('quick');
    slow.resolve('late');
    await expect(first).resolves.toBe('late');
    supervisor.stop();
  });

  test('goes on while it drains', async () => {
    const { supervisor, made } = startSupervisor();
    await turns();
    await offer(supervisor, 'a');
    supervisor.send({ type: 'supervisor.drain' });
    await expect(publishThrough(supervisor, 'last words')).resolves.toBe('stored');
    made[0]?.end();
    await toPromise(supervisor);
  });

  test('after it has stopped rejects with what a step retries', async () => {
    const { supervisor } = startSupervisor();
    await turns();
    supervisor.send({ type: 'supervisor.drain' });
    await toPromise(supervisor);
    const rejected = expect(publishThrough(supervisor, 'too late')).rejects;
    await rejected.toMatchObject({ name: 'RetryableError', retryable: true, code: 'supervisor_stopped' });
  });

  test('what is under way when it stops still hears its answer', async () => {
    const slow = Promise.withResolvers<unknown>();
    const { supervisor } = startSupervisor({ publish: () => slow.promise });
    await turns();
    const asked = publishThrough(supervisor, 'last');
    supervisor.send({ type: 'supervisor.drain' });
    await toPromise(supervisor);
    slow.resolve('stored');
    await expect(asked).resolves.toBe('stored');
  });
});

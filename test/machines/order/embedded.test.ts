import { describe, expect, test, vi } from 'vitest';
import { createActor, toPromise, waitFor } from 'xstate';
import { orderTask } from '../../../machines/order/index.ts';
import { PermanentError } from '../../../machines/step/index.ts';
import { reportOf, type TaskSnapshot } from '../../../machines/task/index.ts';
import { VirtualClock } from '../../virtual-time.ts';
import { inputOf, outcomeOf, ownEffects } from './fixtures.ts';

const report = (actor: { getSnapshot(): unknown }) => reportOf(actor.getSnapshot() as TaskSnapshot);

describe('the order’s machine alone, in a plain program', () => {
  test('runs with one’s own effects, and no more than XState', async () => {
    const { machine } = ownEffects();
    const actor = createActor(machine, { input: { id: 'mine', context: { cart_id: 7 } } });
    actor.start();
    expect(await toPromise(actor)).toMatchObject({
      status: 'complete',
      output: {
        order: { id: 'own-mine', user_id: 102 },
        publication: { event_id: 'mine/publish_event', stream: 'OWN' },
      },
    });
    expect(report(actor).status).toBe('complete');
  });

  test('hands each effect its context, the results it comes after, a key, an attempt and a signal', async () => {
    const seen: Record<string, unknown>[] = [];
    const own = ownEffects();
    const spied = own.provide({
      fetch_cart: ({ signal, ...args }) => {
        seen.push({ ...args, aborted: signal.aborted });
        throw new PermanentError('Seen.', { code: 'seen' });
      },
    });
    await outcomeOf(spied);
    expect(seen).toEqual([
      {
        id: 'task-1',
        context: { cart_id: 7 },
        results: {},
        key: 'task-1/fetch_cart',
        attempt: 1,
        aborted: false,
      },
    ]);
    const creating = own.provide({
      create_order: ({ results, key }) => {
        expect(Object.keys(results)).toEqual(['validate_products']);
        throw new PermanentError(`Seen ${key}.`, { code: 'seen' });
      },
    });
    expect((await outcomeOf(creating)).output).toMatchObject({
      error: { code: 'seen', message: 'Seen task-1/create_order.' },
    });
  });

  test('can be cancelled, which aborts what runs', async () => {
    const signals: AbortSignal[] = [];
    const hang = ({ signal }: { signal: AbortSignal }) => {
      signals.push(signal);
      return new Promise<never>(() => {});
    };
    const { machine } = orderTask.provide({ fetch_cart: hang, fetch_products: hang });
    const clock = new VirtualClock();
    const actor = createActor(machine, { input: inputOf(), clock });
    actor.start();
    await waitFor(actor, () => signals.length === 2);
    actor.send({ type: 'task.cancel', reason: 'changed my mind' });
    expect(await toPromise(actor)).toEqual({
      status: 'cancelled',
      error: { code: 'cancelled', message: 'Cancelled: changed my mind' },
    });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    expect(clock.pending).toBe(0);
  });

  test('stays as it ended: what comes too late is not heard', async () => {
    const actor = createActor(ownEffects().machine, { input: inputOf() });
    actor.start();
    const output = await toPromise(actor);
    const late = vi.spyOn(console, 'warn').mockReturnValue();
    actor.send({ type: 'task.cancel' });
    expect(late).toHaveBeenCalled();
    expect(actor.getSnapshot().output).toEqual(output);
    expect(report(actor).status).toBe('complete');
  });

  test('says which effect it lacks', async () => {
    const { output } = await outcomeOf(orderTask);
    expect(output).toMatchObject({
      status: 'error',
      error: { code: 'no_effect', message: expect.stringContaining('.provide({ fetch_') },
    });
  });

  test('refuses what an effect gives in another shape, by path', async () => {
    const { output } = await outcomeOf(ownEffects().provide({ fetch_cart: () => ({ id: 1 }) as never }));
    expect(output).toMatchObject({
      status: 'error',
      error: {
        step: 'fetch_cart',
        code: 'invalid_data',
        issues: [{ path: 'products' }, { path: 'userId' }],
      },
    });
  });

  test('providing effects leaves the definition as it was', async () => {
    ownEffects();
    expect((await outcomeOf(orderTask)).output).toMatchObject({ error: { code: 'no_effect' } });
  });
});

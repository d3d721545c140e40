import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { SimulatedClock } from 'xstate';
import type { Clock } from '../../../machines/clock.ts';
import type { Delivery } from '../../../src/backends/index.ts';
import { memoryBackend } from '../../../src/backends/memory/index.ts';

const requestOf = (taskId: string, name = 'order') => ({ taskId, name, body: 1 });

/** A simulated clock that knows which of its timers are set. */
function watchedClock() {
  const simulated = new SimulatedClock();
  const timers = new Set<unknown>();
  const clock: Clock = {
    now: () => simulated.now(),
    setTimeout: (fn, ms) => {
      const timer: unknown = simulated.setTimeout(() => {
        timers.delete(timer);
        fn();
      }, ms);
      timers.add(timer);
      return timer;
    },
    clearTimeout: (timer: number) => {
      timers.delete(timer);
      simulated.clearTimeout(timer);
    },
  };
  return { simulated, timers, clock };
}

describe('the memory backend', () => {
  it('B2 stores no id twice in a row, whatever the append expects', async () => {
    await using backend = memoryBackend();
    const commit = { id: 'c1', writer: 'w', entries: [1] };
    const sequence = await backend.journal.append('t', 0, commit);
    expect(await backend.journal.append('t', sequence, commit)).toBe(sequence);
    expect(await backend.journal.append('t', 99, commit)).toBe(sequence);
  });

  it('sets one timer for all that it waits for, and none once nobody takes or it is closed', async () => {
    const { timers, clock } = watchedClock();
    const backend = memoryBackend({ clock });
    const { inbox, events } = backend;
    for (let n = 0; n < 100; n++) await inbox.submit(requestOf(`t${n}`));
    expect(timers.size).toBe(0);
    const subscription = await inbox.take({ names: ['order'], limit: 50 }, (delivery) => {
      if (delivery.attempt === 1) void delivery.handBack(Number(delivery.message.taskId.slice(1)) + 10_000);
    });
    await turn();
    await turn();
    expect(timers.size).toBe(1);
    await subscription.stop();
    expect(timers.size).toBe(0);
    await inbox.take({ names: ['order'], limit: 50 }, () => {});
    await events.subscribe('orders.>', { name: 'mailer' }, () => Promise.reject(new Error('always')));
    await events.publish({ subject: 'orders.a', id: 'm', body: 1 });
    for (let turns = 0; turns < 5; turns++) await turn();
    expect(timers.size).toBe(2);
    await backend.close();
    expect(timers.size).toBe(0);
  });

  it('B6 lets the event loop turn, and other tasks have theirs, while a taker hands back at once again and again', async () => {
    await using backend = memoryBackend();
    const seen = new Set<string>();
    let handedBack = 0;
    const subscription = await backend.inbox.take({ names: ['order'], limit: 1 }, (delivery) => {
      seen.add(delivery.message.taskId);
      handedBack++;
      void delivery.handBack();
    });
    for (let n = 0; n < 10; n++) await backend.inbox.submit(requestOf(`t${n}`));
    for (let turns = 0; turns < 5; turns++) await turn();
    await subscription.stop();
    expect(handedBack).toBeGreaterThan(10);
    expect(seen.size).toBe(10);
  });

  it('B6 lets the event loop turn while subscribers go through a long log', async () => {
    await using backend = memoryBackend();
    for (let n = 0; n < 2_000; n++)
      await backend.events.publish({ subject: `orders.${n}`, id: 'm', body: n });
    let handled = 0;
    await backend.events.subscribe('orders.>', { start: 'all' }, () => {
      handled++;
    });
    let turns = 0;
    for (; handled < 2_000; turns++) await turn();
    expect(turns).toBeGreaterThan(4);
  });

  it('lets the names of a taker have their turns, and the tasks of a name', async () => {
    await using backend = memoryBackend();
    const { inbox } = backend;
    for (let n = 0; n < 5; n++) await inbox.submit(requestOf(`o${n}`, 'order'));
    await inbox.submit(requestOf('r', 'refund'));
    for (let n = 0; n < 5; n++) {
      await inbox.deliver({ taskId: 'o0', name: 'order', eventId: `e${n}`, body: n });
    }
    const seen: string[] = [];
    await inbox.take({ names: ['order', 'refund'], limit: 1 }, (delivery) => {
      seen.push(delivery.message.taskId);
      void delivery.acknowledge();
    });
    await turn();
    await turn();
    expect(seen).toEqual(['o0', 'r', 'o1', 'o2', 'o3', 'o4', 'o0', 'o0', 'o0', 'o0', 'o0']);
  });

  it('orders what was handed back of one task by when it was sent, not by when it is due', async () => {
    const { simulated, clock } = watchedClock();
    await using backend = memoryBackend({ clock });
    const { inbox } = backend;
    const held: Delivery[] = [];
    const first = await inbox.take({ names: ['order'], limit: 3 }, (delivery) => held.push(delivery));
    for (const eventId of ['e1', 'e2', 'e3'])
      await inbox.deliver({ taskId: 't', name: 'order', eventId, body: 1 });
    await turn();
    await held[0]?.handBack(30);
    await held[1]?.handBack(20);
    await held[2]?.handBack(10);
    await first.stop();
    simulated.increment(30);
    const seen: string[] = [];
    await inbox.take({ names: ['order'], limit: 1 }, (delivery) => {
      if (delivery.message.kind === 'event') seen.push(delivery.message.eventId);
      void delivery.acknowledge();
    });
    await turn();
    expect(seen).toEqual(['e1', 'e2', 'e3']);
  });

  it('B1 forgets nothing that a hundred thousand others push along', async () => {
    await using backend = memoryBackend();
    const { inbox } = backend;
    const seen = new Set<string>();
    const { promise, resolve } = Promise.withResolvers<void>();
    await inbox.take({ names: ['order'], limit: 100 }, (delivery) => {
      seen.add(delivery.message.taskId);
      void delivery.acknowledge();
      if (seen.size === 100_000) resolve();
    });
    for (let n = 0; n < 100_000; n++) await inbox.submit(requestOf(`t${n}`));
    await promise;
  });
});

import { describe, expect, it } from 'vitest';
import { memoryBackend } from '../../../src/backends/memory/index.ts';

describe('the options of the memory backend', () => {
  it('have defaults', async () => {
    await using backend = memoryBackend();
    expect(backend.inbox.ackWait).toBe(30_000);
    const ack = await backend.events.publish({ subject: 'orders.a', id: 'm', body: 1 });
    expect(ack.stream).toBe('ORDERS');
    const large = 'x'.repeat(1024 * 1024 - 1);
    await expect(backend.records.create('a', large)).rejects.toMatchObject({ limit: 1024 * 1024 });
    await backend.blobs.put(large);
  });

  it('may be left undefined', async () => {
    await using backend = memoryBackend({ clock: undefined, ackWait: undefined, streams: undefined });
    expect(backend.inbox.ackWait).toBe(30_000);
  });

  it.each([
    [{ ackWait: 0 }, 'memoryBackend: ackWait is 0; expected a whole number of milliseconds, 1 or more'],
    [
      { ackWait: Number.NaN },
      'memoryBackend: ackWait is NaN; expected a whole number of milliseconds, 1 or more',
    ],
    [
      { retention: 1.5 },
      'memoryBackend: retention is 1.5; expected a whole number of milliseconds, 1 or more',
    ],
    [
      { maxBlobBytes: '1MB' },
      'memoryBackend: maxBlobBytes is "1MB"; expected a whole number of bytes, 1 or more',
    ],
    [{ clock: {} }, 'memoryBackend: clock is {}; expected a clock: { setTimeout, clearTimeout, now? }'],
    [{ ackwait: 1, max: 2 }, 'memoryBackend: there is no option ackwait, max'],
    [{ streams: [] }, 'memoryBackend: streams is []; expected an object of stream names and their filters'],
    [{ streams: { ORDERS: [] } }, 'memoryBackend: streams.ORDERS is []; expected one filter at least'],
    [
      { streams: { ORDERS: 'orders.>' } },
      'memoryBackend: streams.ORDERS is "orders.>"; expected an array of filters',
    ],
    [
      { streams: { ORDERS: ['orders.>', 'a..b'] } },
      'memoryBackend: streams.ORDERS.1 is "a..b"; expected a subject in which * stands for one token and a last > for one or more, 255 characters at most',
    ],
    [
      { streams: { 'MY ORDERS': ['orders.>'] } },
      'memoryBackend: streams has the key "MY ORDERS"; expected a name of 1 to 64 of A-Z a-z 0-9 _ -',
    ],
    [
      { streams: { A: ['a.*'], B: ['b.>', '*.x'] } },
      'memoryBackend: streams is {"A":["a.*"],"B":["b.>","*.x"]}; expected no two streams to take the same subject, but a.* of A and *.x of B do',
    ],
    [null, 'memoryBackend: options is null; expected an object of options'],
  ])('are refused by name, value and expectation: %j', (options, message) => {
    let error: unknown;
    try {
      memoryBackend(options as never);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ name: 'InvalidOptionsError', message });
  });

  it('are refused all at once, a line each', () => {
    expect(() => memoryBackend({ ackWait: -1, retention: -1 })).toThrow(/ackWait is -1.*\n.*retention is -1/);
  });

  it('name the streams that take what is published', async () => {
    await using backend = memoryBackend({ streams: { A: ['a.>', 'x.*'], B: ['b'] } });
    const streamOf = async (subject: string) =>
      (await backend.events.publish({ subject, id: 'm', body: 1 })).stream;
    expect(await Promise.all(['a.1', 'x.1', 'b'].map(streamOf))).toEqual(['A', 'A', 'B']);
    await expect(streamOf('b.1')).rejects.toThrow('the streams are A (a.>, x.*); B (b).');
  });
});

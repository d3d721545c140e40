import { afterEach, describe, expect, it, vi } from 'vitest';
import { SimulatedClock } from 'xstate';
import { type Clock, LONGEST_TIMEOUT, now, systemClock } from '../../machines/clock.ts';

describe('a clock', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('tells the time, or the machine does in its place', () => {
    vi.useFakeTimers({ now: 1_000 });
    const clock = new SimulatedClock();
    clock.increment(5);
    expect(now(clock)).toBe(5);
    expect(now(systemClock)).toBe(1_000);
    const mute: Clock = { setTimeout, clearTimeout };
    expect(now(mute)).toBe(1_000);
  });

  it.each([0, 1, LONGEST_TIMEOUT, LONGEST_TIMEOUT + 1, 2 * LONGEST_TIMEOUT, 10 * LONGEST_TIMEOUT + 7])(
    'fires after %d ms, not before',
    (ms) => {
      vi.useFakeTimers();
      const onTimeout = vi.fn();
      systemClock.setTimeout(onTimeout, ms);
      vi.advanceTimersByTime(Math.max(ms - 1, 0));
      if (ms > 0) expect(onTimeout).not.toHaveBeenCalled();
      vi.advanceTimersByTime(1);
      expect(onTimeout).toHaveBeenCalledOnce();
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  it('clears a timeout of any length, at any time', () => {
    vi.useFakeTimers();
    const onTimeout = vi.fn();
    const short = systemClock.setTimeout(onTimeout, 10);
    const long = systemClock.setTimeout(onTimeout, 3 * LONGEST_TIMEOUT);
    const later = systemClock.setTimeout(onTimeout, 3 * LONGEST_TIMEOUT);
    systemClock.clearTimeout(short);
    systemClock.clearTimeout(long);
    systemClock.clearTimeout(undefined);
    vi.advanceTimersByTime(2 * LONGEST_TIMEOUT);
    systemClock.clearTimeout(later);
    vi.advanceTimersByTime(5 * LONGEST_TIMEOUT);
    expect(onTimeout).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });
});

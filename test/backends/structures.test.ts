import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SimulatedClock } from 'xstate';
import type { Clock } from '../../machines/clock.ts';
import { Alarm } from '../../src/backends/alarm.ts';
import { Fifo, firstIndex } from '../../src/backends/fifo.ts';
import { Heap } from '../../src/backends/heap.ts';

describe('a Fifo', () => {
  it('is an array that is pushed, shifted and read', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.integer(), fc.constant('shift')), { maxLength: 400 }), (acts) => {
        const fifo = new Fifo<number>();
        const model: number[] = [];
        for (const act of acts) {
          if (typeof act === 'number') {
            fifo.push(act);
            model.push(act);
          } else expect(fifo.shift()).toBe(model.shift());
          expect(fifo.length).toBe(model.length);
          expect(fifo.at(0)).toBe(model[0]);
          expect(fifo.at(model.length - 1)).toBe(model.at(-1));
          expect(fifo.at(model.length)).toBeUndefined();
        }
      }),
    );
  });

  it('keeps no more than twice what is in it', () => {
    const fifo = new Fifo<number>();
    for (let n = 0; n < 100_000; n++) {
      fifo.push(n);
      if (n >= 100) expect(fifo.shift()).toBe(n - 100);
    }
    expect(fifo.length).toBe(100);
  });

  it('is searched by halves', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50)), fc.nat(50), (items, limit) => {
        items.sort((a, b) => a - b);
        const index = firstIndex(items, (item) => item > limit);
        expect(index).toBe(items.filter((item) => item <= limit).length);
      }),
    );
  });
});

describe('a Heap', () => {
  it('gives the first of what is in it', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.integer(), fc.constant('pop'))), (acts) => {
        const heap = new Heap<number>((a, b) => a < b);
        const model: number[] = [];
        for (const act of [...acts, ...acts.map(() => 'pop' as const)]) {
          if (typeof act === 'number') {
            heap.push(act);
            model.push(act);
            model.sort((a, b) => a - b);
          } else expect(heap.pop()).toBe(model.shift());
          expect(heap.peek()).toBe(model[0]);
          expect(heap.size).toBe(model.length);
        }
      }),
    );
  });
});

describe('an Alarm', () => {
  it('rings once, at the earliest of its deadlines', () => {
    const clock = new SimulatedClock();
    const rings: number[] = [];
    const alarm = new Alarm(clock, () => rings.push(clock.now()));
    alarm.set(100);
    alarm.set(50);
    alarm.set(70);
    for (let n = 0; n < 200; n++) clock.increment(1);
    expect(rings).toEqual([50]);
    alarm.set(10);
    clock.increment(0);
    expect(rings).toEqual([50, 200]);
    alarm.set(300);
    alarm.clear();
    alarm.clear();
    clock.increment(1_000);
    expect(rings).toHaveLength(2);
  });

  it('asks no clock for more than Node takes, and never rings early', () => {
    let time = 0;
    let wake = (): void => {};
    const asked: number[] = [];
    const clock: Clock = {
      now: () => time,
      setTimeout: (fn: () => void, ms: number) => {
        asked.push(ms);
        wake = fn;
      },
      clearTimeout: () => {},
    };
    let rings = 0;
    const alarm = new Alarm(clock, () => rings++);
    alarm.set(2 ** 31 + 9);
    time = 2 ** 31 - 1;
    wake();
    time += 9;
    wake();
    expect(rings).toBe(0);
    time += 1;
    wake();
    expect(rings).toBe(1);
    expect(asked).toEqual([2 ** 31 - 1, 10, 1]);
  });
});

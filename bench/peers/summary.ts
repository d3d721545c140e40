import { median } from '../median.ts';
import type { Window } from './run-system.ts';
import type { System } from './systems.ts';

/** A system's windows: for each round, one for each number of orders in flight. */
export interface Turns {
  readonly system: System;
  readonly rounds: Window[][];
}

/** The least, the middle and the most of what the rounds came to. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export interface Run {
  readonly system: string;
  readonly workers: number;
  readonly in_flight: number;
  readonly orders_s: Spread;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly cpu_s_per_1000: { readonly worker: number; readonly server: number };
  readonly memory_mb: { readonly worker: number; readonly server: number };
}

/** How one of ours stands to another system: each at its best, in the same round. */
export interface Ratio {
  readonly system: string;
  readonly workers: number;
  readonly to: string;
  readonly orders_s: Spread;
  /** Of the median latencies with one order in flight; not there if that was not run. */
  readonly p50_alone?: Spread;
}

export function runsOf({ system, rounds }: Turns): Run[] {
  return (rounds[0] ?? []).map(({ inFlight }, level) => {
    const windows = rounds.flatMap((round) => round[level] ?? []);
    const of = (pick: (window: Window) => number, digits: number) =>
      rounded(median(windows.map(pick)), digits);
    return {
      system: system.name,
      workers: system.workers,
      in_flight: inFlight,
      orders_s: spread(
        windows.map((window) => window.ordersPerSecond),
        0,
      ),
      p50_ms: of(({ p50 }) => p50, 3),
      p99_ms: of(({ p99 }) => p99, 3),
      cpu_s_per_1000: { worker: of(({ cpu }) => cpu.worker, 3), server: of(({ cpu }) => cpu.server, 3) },
      memory_mb: {
        worker: of(({ memory }) => memory.worker, 0),
        server: of(({ memory }) => memory.server, 0),
      },
    };
  });
}

/** The run of most orders a second. */
export function bestOf(turns: Turns): Run | undefined {
  return runsOf(turns).toSorted((a, b) => b.orders_s.median - a.orders_s.median)[0];
}

/** Ours, with one worker, to the others. */
export function ratiosOf(all: readonly Turns[]): Ratio[] {
  const ours = all.filter(({ system }) => system.kind === 'ours' && system.workers === 1);
  const others = all.filter(({ system }) => system.kind !== 'ours');
  return ours.flatMap((own) => others.map((other) => ratio(own, other)));
}

function ratio(own: Turns, other: Turns): Ratio {
  const best = (turns: Turns) => {
    const at = bestOf(turns)?.in_flight;
    return turns.rounds.map(
      (round) => round.find(({ inFlight }) => inFlight === at)?.ordersPerSecond ?? Number.NaN,
    );
  };
  const alone = (turns: Turns) =>
    turns.rounds.flatMap((round) => round.filter(({ inFlight }) => inFlight === 1).map(({ p50 }) => p50));
  const ofEachRound = (pick: (turns: Turns) => number[]) => {
    const divisors = pick(other);
    return spread(
      pick(own).map((each, round) => each / (divisors[round] ?? Number.NaN)),
      2,
    );
  };
  return {
    system: own.system.name,
    workers: own.system.workers,
    to: other.system.name,
    orders_s: ofEachRound(best),
    ...(alone(own).length > 0 && { p50_alone: ofEachRound(alone) }),
  };
}

function spread(numbers: readonly number[], digits: number): Spread {
  return {
    min: rounded(Math.min(...numbers), digits),
    median: rounded(median(numbers), digits),
    max: rounded(Math.max(...numbers), digits),
  };
}

function rounded(number: number, digits: number): number {
  return Number(number.toFixed(digits));
}

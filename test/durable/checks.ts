import { expect } from 'vitest';
import type { Json } from '../../machines/json.ts';
import type { Rules } from '../../src/durable/rules.ts';
import { type Life, live } from './life.ts';
import type { Animal, Deed } from './world.ts';

const TERMINAL = ['resolved', 'rejected', 'failed', 'completed', 'threw'];

interface Told {
  readonly type: string;
  readonly at: number;
  readonly of?: string;
}

/** The effects whose end is in the journal, by what their runs are called. */
function durableEnds(
  { runName = (address) => `it/${address}` }: Animal,
  entries: readonly Json[],
): Set<string> {
  const told = entries as unknown as Told[];
  return new Set(told.filter(({ type }) => TERMINAL.includes(type)).map(({ of = '' }) => runName(of)));
}

const names = (deeds: readonly Deed[], what: Deed['what'], where: (deed: Deed) => boolean = () => true) =>
  deeds
    .filter((deed) => deed.what === what && where(deed))
    .map(({ name }) => name)
    .sort();

/**
 * Cuts an uncut life's journal after each entry, lives on from there, and compares: state, context, output; which effects
 * run when it is restored (those in flight, and no others); which actions and emits run (those of later entries).
 */
export async function checkCuts(animal: Animal, uncut: Life, rules: Partial<Rules> = {}): Promise<void> {
  expectWrittenAhead(uncut, animal.name);
  for (let cut = 1; cut <= uncut.entries.length; cut += 1) {
    const entries = uncut.entries.slice(0, cut);
    const { at } = entries.at(-1) as unknown as Told;
    const restored = await live(animal, { entries, time: at, rules });
    const where = `${animal.name}, cut after entry ${cut} of ${uncut.entries.length}`;
    expect(restored.standing, where).toEqual(uncut.standing);
    expect(restored.status, where).toBe(uncut.status);

    const before = (deed: Deed) => deed.number <= cut;
    const runs = names(uncut.world.deeds, 'run', before);
    const stopped = names(uncut.world.deeds, 'stop', before);
    const ended = durableEnds(animal, entries);
    const inFlight = runs.filter(
      (key) => !stopped.includes(key) && !ended.has(key) && !runs.includes(successorOf(key)),
    );
    expect(
      names(restored.world.deeds, 'run', ({ opening }) => opening),
      where,
    ).toEqual(inFlight);
    expectNoneAgain(animal, restored, entries, where);
    for (const what of ['act', 'emit'] as const) {
      const all = [...names(uncut.world.deeds, what, before), ...names(restored.world.deeds, what)];
      expect(all.sort(), `${where}: ${what}`).toEqual(names(uncut.world.deeds, what));
    }
  }
}

/** The effect in whose place it is entered again: one that had just ended is not told that it is stopped. */
function successorOf(key: string): string {
  const [place, nth = '1'] = key.split('#');
  return `${place}#${Number(nth) + 1}`;
}

/** D2: whatever was done rests on entries that were durable by then. */
export function expectWrittenAhead({ world }: Life, where: string): void {
  const hasty = world.deeds.filter(({ number, opening, durable }) => !opening && number > durable);
  expect(hasty, where).toEqual([]);
}

/** D4: an effect whose end was durable when the life began does not run in it. */
export function expectNoneAgain(
  animal: Animal,
  { world }: Life,
  entries: readonly Json[],
  where: string,
): void {
  const ended = durableEnds(animal, entries);
  expect(
    names(world.deeds, 'run').filter((key) => ended.has(key)),
    where,
  ).toEqual([]);
}

/** A crash, and how long it was until the next life, in ms. */
export interface Mishap {
  readonly append: number;
  readonly stored: boolean;
  readonly down: number;
}

/** Lives on through several crashes: what comes in the end is what comes without any. */
export async function checkMishaps(
  animal: Animal,
  uncut: Life,
  mishaps: readonly Mishap[],
  rules: Partial<Rules> = {},
): Promise<void> {
  let entries: readonly Json[] = [];
  let time = 0;
  const acted: string[] = [];
  for (const mishap of [...mishaps, undefined]) {
    const life = await live(animal, { entries, time, rules, crash: mishap });
    const where = `${animal.name}, after ${JSON.stringify(mishaps)}`;
    expectWrittenAhead(life, where);
    expectNoneAgain(animal, life, entries, where);
    acted.push(...names(life.world.deeds, 'act'));
    entries = life.entries;
    if (life.crashed && mishap) {
      time = life.world.clock.now() + (animal.timely ? 0 : mishap.down);
      continue;
    }
    expect(life.standing, where).toEqual(uncut.standing);
    // D7: at most once.
    const rest = names(uncut.world.deeds, 'act');
    for (const name of acted) {
      const index = rest.indexOf(name);
      expect(index, `${where}: ${name} was done more often`).toBeGreaterThanOrEqual(0);
      rest.splice(index, 1);
    }
    return;
  }
}

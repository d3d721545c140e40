import { draw, fraction, pick } from '../../shop/demo/hash.ts';

/**
 * When a process is killed: drawn, not rolled, so that a run can be had again.
 *
 * - Each kind of instant comes: while it starts, just as it takes tasks up again, in the middle of work, while it drains.
 * - Every second life is long enough for every task to get on: one that does not, while process after process dies, is
 *   suspected of being the reason, and rightly. Then it is run alone, and the others wait.
 */
export type Kill =
  /** So many ms after the process was spawned, ready or not. */
  | { readonly when: 'starting'; readonly after: number }
  /** So many ms after it was ready. */
  | { readonly when: 'working'; readonly after: number }
  /** As that, but it is asked to end first, and has so many ms for it. */
  | { readonly when: 'draining'; readonly after: number; readonly grace: number }
  /** As that, but it is stopped in its tracks first for so many ms, and then works on for so many. */
  | { readonly when: 'frozen'; readonly after: number; readonly frozen: number; readonly thawed: number };

/** How fast a run kills. */
export interface Rhythm {
  /** Stretches what lies between the kills. */
  readonly pace: number;
  /** Processes are frozen too, for a time between these, in ms. @default none is */
  readonly freeze?: { readonly least: number; readonly most: number };
}

/** @param life Which life of the worker this is, from 0. */
export function planKill(seed: number, worker: number, life: number, { pace, freeze }: Rhythm): Kill {
  const [kind, drawn, grace, frozen] = draw(`${seed} kills ${worker} ${life}`);
  const between = (least: number, most: number) =>
    Math.round(pace * (least + fraction(drawn) * (most - least)));
  const share = fraction(kind);
  if (freeze && share < 0.1) {
    const ms = freeze.least + Math.round(fraction(frozen) * (freeze.most - freeze.least));
    return { when: 'frozen', after: between(200, 800), frozen: ms, thawed: pick(grace, 1_500) };
  }
  if (life % 2 === 1) return { when: 'working', after: between(600, 1_200) };
  if (share < 0.25) return { when: 'starting', after: between(0, 400) };
  if (share < 0.55) return { when: 'working', after: between(0, 50) };
  if (share < 0.75) return { when: 'draining', after: between(50, 400), grace: pick(grace, 150) };
  return { when: 'working', after: between(50, 1_000) };
}

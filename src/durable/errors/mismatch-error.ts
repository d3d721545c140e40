import type { Standing } from '../entry.ts';

/** Where journal and machine part. */
export interface Mismatch {
  /** The entry at which it showed, counted from 1. */
  readonly entry: number;
  /** The actor that it is about; `''` is the machine itself. */
  readonly address: string;
  /** How the actor stood when the entry was written; undefined if it was not noted. */
  readonly recorded: Standing | undefined;
  /** How it stands on replay; undefined if it is not there. */
  readonly replayed: Standing | undefined;
  /** The chart that wrote the journal, and the one that replays it. */
  readonly charts: { readonly recorded: ChartName; readonly replayed: ChartName };
}

export interface ChartName {
  readonly machine: string;
  readonly version: string | undefined;
  readonly hash: string;
}

/** The machine is not the one that wrote this journal. Nothing was started and nothing written: the actor is blocked. */
export class MismatchError extends Error implements Mismatch {
  override readonly name = 'MismatchError';
  readonly id: string;
  readonly entry: number;
  readonly address: string;
  readonly recorded: Standing | undefined;
  readonly replayed: Standing | undefined;
  readonly charts: Mismatch['charts'];

  constructor(id: string, what: string, mismatch: Mismatch) {
    const { recorded, replayed } = mismatch.charts;
    const cause =
      recorded.hash === replayed.hash
        ? 'The chart is the same: a guard, an assign, a delay or an input is not pure, or an implementation changed.'
        : `It was written by ${named(recorded)} and is replayed by ${named(replayed)}.`;
    super(
      `Actor ${JSON.stringify(id)} is blocked at entry ${mismatch.entry}: ${what} ${cause} ` +
        'Bring that code back and it goes on, or begin it anew with the results that are to be kept.',
    );
    this.id = id;
    this.entry = mismatch.entry;
    this.address = mismatch.address;
    this.recorded = mismatch.recorded;
    this.replayed = mismatch.replayed;
    this.charts = mismatch.charts;
  }
}

function named({ machine, version, hash }: ChartName): string {
  return `machine "${machine}"${version === undefined ? '' : ` version ${version}`} (chart ${hash})`;
}

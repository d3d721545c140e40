/** Something that runs orders, to be measured. */
export interface System extends AsyncDisposable {
  /** Runs one order to its end. Rejects if it did not end well. */
  run(id: string): Promise<void>;
  /** What it counted itself: held against the number of orders run. */
  published(): number;
}

/** @param inFlight How many orders will be run at a time. */
export type OpenSystem = (inFlight: number) => Promise<System>;

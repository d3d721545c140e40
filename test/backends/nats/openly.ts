import { backendOn } from '../../../src/backends/nats/backend.ts';
import { Connection } from '../../../src/backends/nats/connection.ts';
import { type NatsOptions, parseNatsOptions } from '../../../src/backends/nats/options.ts';
import { streamNames } from '../../../src/backends/nats/streams.ts';

const HOUR = 60 * 60 * 1000;

/** A time that goes by as a test says, ahead of the servers'. */
export class AheadOfTime {
  #ahead = 0;

  readonly now = (): number => Date.now() + this.#ahead;

  pass(ms: number): void {
    this.#ahead += ms;
  }
}

/** A backend, and what a test wants to see of it. */
export async function openOpenly(options: NatsOptions, time = new AheadOfTime()) {
  const settings = parseNatsOptions({ retention: HOUR, ...options });
  const connection = await Connection.open(settings);
  const opened = await backendOn(connection, settings, { now: time.now, leastStay: 0 }).catch(
    async (error: unknown) => {
      await connection.close();
      throw error;
    },
  );
  return {
    ...opened,
    connection,
    settings,
    time,
    [Symbol.asyncDispose]: () => opened.backend.close(),
    /** The streams of journals. */
    journals: async (): Promise<string[]> =>
      (await streamNames(connection)).filter((name) => name.includes('_JOURNAL_')).sort(),
  };
}

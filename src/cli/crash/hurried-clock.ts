import { z } from 'zod';
import type { Clock } from '../../../machines/clock.ts';

/** A time that runs faster than this machine's, the same in every process that is told of it. */
export const hurrySchema = z.object({
  /** When it began to, in ms since the epoch. */
  since: z.number(),
  /** How many times as fast. */
  times: z.number().min(1),
});
export type Hurry = z.output<typeof hurrySchema>;

/**
 * The clock of services, backend and shop in a crash run: orders wait for seconds between two attempts, and in a second
 * many processes can be killed.
 */
export function hurriedClock({ since, times }: Hurry): Required<Clock> {
  return {
    now: () => since + (Date.now() - since) * times,
    setTimeout: (fn, ms) => setTimeout(fn, ms / times),
    clearTimeout: (timeout) => clearTimeout(timeout),
  };
}

/** The machine's time at a hurried one. */
export function realTime({ since, times }: Hurry, at: number): number {
  return since + (at - since) / times;
}

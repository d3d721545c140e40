import { afterEach, beforeEach, expect, vi } from 'vitest';

/** What nobody caught, and what XState warned of, since the test began. */
const stray: unknown[] = [];
const keep = (error: unknown) => stray.push(error);

/** Every test of the importing file fails if anything is left uncaught. */
export function refuseStrayErrors(): void {
  beforeEach(() => {
    stray.length = 0;
    process.on('unhandledRejection', keep);
    process.on('uncaughtException', keep);
    vi.spyOn(console, 'warn').mockImplementation(keep);
  });

  afterEach(async () => {
    // XState throws what nobody hears from a timer, Node tells of rejections after the turn in which they were left.
    await new Promise((resolve) => setTimeout(resolve, 1));
    await new Promise((resolve) => setImmediate(resolve));
    process.removeListener('unhandledRejection', keep);
    process.removeListener('uncaughtException', keep);
    expect(stray, 'left uncaught').toEqual([]);
  });
}

import { join } from 'node:path';
import { openBackend, type Place } from './backends.ts';
import { DiedError } from './errors/died-error.ts';
import type { Fleet } from './fleet.ts';
import type { Life } from './life.ts';
import type { Site } from './site.ts';

/** How many times as fast as in earnest orders wait, and the shop answers slowly. */
const HURRY = 8;
/** Far more than the slowest answer of the shop takes, in ms, so that what is given up was a hang. */
const TIMEOUT = 1_000;

/** One file: the worker alone can open it, so customers ask the worker. */
export function sqliteSite(folder: string): Site {
  const place: Place = { backend: 'sqlite', file: join(folder, 'crash.db') };
  const hurry = { since: Date.now(), times: HURRY };
  return {
    place,
    hurry,
    rhythm: { pace: 1 },
    timeout: TIMEOUT,
    hanging: true,
    door: (fleet) => ({
      submit: (id, request) => ask(fleet, (life) => life.ask({ ask: 'submit', id, request: { ...request } })),
      ended: (id) => ask(fleet, (life) => life.ask({ ask: 'watch', id })),
    }),
    read: () => openBackend(place, hurry),
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Until somebody lives long enough to answer. */
async function ask(fleet: Fleet, question: (life: Life) => Promise<void>): Promise<void> {
  for (;;) {
    const life = await fleet.ready();
    try {
      return await question(life);
    } catch (error) {
      if (!(error instanceof DiedError || life.isEnding)) throw error;
      await life.died;
    }
  }
}

/** The options that backends have in common, parsed once (STYLE, habit 6). */
import { z } from 'zod';
import { type Clock, systemClock } from '../../machines/clock.ts';
import { InvalidOptionsError } from './errors/invalid-options-error.ts';
import { expectationOf, hasForm } from './names.ts';
import { overlap } from './subject.ts';

/** Options of every embedded backend. */
export interface CommonOptions {
  /** What time it is, and its timers. Pass XState's `SimulatedClock` for virtual time. @default the system's */
  readonly clock?: Clock | undefined;
  /** How long a delivery may be held without a sign of life, in ms. @default 30_000 */
  readonly ackWait?: number | undefined;
  /** The largest commit, message, event or record, in bytes of JSON text. @default 1_048_576 (what NATS takes) */
  readonly maxMessageBytes?: number | undefined;
  /** The largest blob, in bytes of JSON text. @default 16_777_216 */
  readonly maxBlobBytes?: number | undefined;
  /**
   * How long closed journals (and the blobs that only they refer to), the ids of acknowledged events, and
   * published messages are kept, in ms. Records are kept for ever. @default 604_800_000 (7 days)
   */
  readonly retention?: number | undefined;
  /**
   * The streams that keep published messages, by name, each with the filters of the subjects that it takes. No
   * two streams may take the same subject.
   * @default { ORDERS: ['orders.>'], TASKCHART_EVENTS: ['taskchart.events.>'] }
   */
  readonly streams?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** {@link CommonOptions}, parsed and complete. */
export interface CommonSettings {
  readonly clock: Clock;
  readonly ackWait: number;
  readonly maxMessageBytes: number;
  readonly maxBlobBytes: number;
  readonly retention: number;
  readonly streams: Readonly<Record<string, readonly string[]>>;
}

const DAY = 24 * 60 * 60 * 1000;

/** What JavaScript holds in one string, and SQLite and NATS in one value. */
const MOST_BYTES = 2 ** 29;

const count = (unit: string, most = Number.MAX_SAFE_INTEGER) => {
  const error = `expected a whole number of ${unit}, 1 or more`;
  return z
    .int({ error })
    .min(1, { error })
    .max(most, { error: `expected ${most} ${unit} at most` });
};

const streams = z
  .record(
    z.string().refine((name) => hasForm('subscriberName', name), {
      error: `expected a name of ${expectationOf('subscriberName')}`,
    }),
    z
      .array(
        z.string({ error: 'expected a filter' }).refine((filter) => hasForm('filter', filter), {
          error: `expected ${expectationOf('filter')}`,
        }),
        { error: 'expected an array of filters' },
      )
      .min(1, { error: 'expected one filter at least' }),
    { error: 'expected an object of stream names and their filters' },
  )
  .superRefine((value, context) => {
    const all = Object.entries(value).flatMap(([name, filters]) =>
      filters.map((filter) => ({ name, filter })),
    );
    for (const [index, a] of all.entries()) {
      const b = all
        .slice(index + 1)
        .find((other) => other.name !== a.name && overlap(a.filter, other.filter));
      if (!b) continue;
      const message = `expected no two streams to take the same subject, but ${a.filter} of ${a.name} and ${b.filter} of ${b.name} do`;
      context.addIssue({ code: 'custom', message });
    }
  });

/** A field for each of {@link CommonOptions}. */
export const commonFields = {
  clock: z
    .custom<Clock>(isClock, { error: 'expected a clock: { setTimeout, clearTimeout, now? }' })
    .default(systemClock),
  ackWait: count('milliseconds').default(30_000),
  maxMessageBytes: count('bytes', MOST_BYTES).default(1024 * 1024),
  maxBlobBytes: count('bytes', MOST_BYTES).default(16 * 1024 * 1024),
  retention: count('milliseconds').default(7 * DAY),
  streams: streams.default({ ORDERS: ['orders.>'], TASKCHART_EVENTS: ['taskchart.events.>'] }),
};

function isClock(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { setTimeout, clearTimeout, now } = value as Partial<Clock>;
  return (
    typeof setTimeout === 'function' &&
    typeof clearTimeout === 'function' &&
    (now === undefined || typeof now === 'function')
  );
}

/** What a backend's options are parsed by: these fields and no others. */
export function optionsSchema<Fields extends z.core.$ZodShape>(fields: Fields) {
  return z.strictObject(fields, {
    error: (issue) => (issue.code === 'invalid_type' ? 'expected an object of options' : undefined),
  });
}

/**
 * @param maker What the options were given to: `memoryBackend`.
 * @throws {InvalidOptionsError} A line for each option that is not as expected.
 */
export function parseOptions<Settings>(
  maker: string,
  schema: z.ZodType<Settings>,
  options: unknown,
): Settings {
  const parsed = schema.safeParse(options);
  if (!parsed.success) throw new InvalidOptionsError(maker, options, parsed.error.issues);
  return parsed.data;
}

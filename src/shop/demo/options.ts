import { z } from 'zod';
import { realClock, type ShopClock } from './clock.ts';
import { type FaultLevel, faultLevels } from './faults.ts';
import { DemoShopOptionsError } from './options-error.ts';

/**
 * The demo shop's options: partial as they come, complete once parsed, refused by name.
 */
export interface DemoShopOptions {
  /** The TCP port; 0 takes a free one. @default 0 */
  readonly port?: number | undefined;
  /** The address to listen on. Nobody but this machine can reach the default. @default '127.0.0.1' */
  readonly host?: string | undefined;
  /** How much fails. @default 'some' */
  readonly faults?: FaultLevel | undefined;
  /** Another one makes other requests fail. A whole number. @default 1 */
  readonly seed?: number | undefined;
  /**
   * Counts how often a key was asked, this time included, given how often that was since the shop started: for a shop that remembers
   * beyond its process, so that it fails as it would have without a restart. @default since it started
   */
  readonly count?: ((key: string, asked: number) => number | Promise<number>) | undefined;
  /** @default the machine's */
  readonly clock?: ShopClock | undefined;
}

export type DemoShopSettings = {
  readonly [Option in keyof DemoShopOptions]-?: NonNullable<DemoShopOptions[Option]>;
};

type OptionName = keyof DemoShopOptions;

const settings = z.strictObject({
  port: z.int().min(0).max(65_535).default(0),
  host: z.string().min(1).default('127.0.0.1'),
  faults: z.enum(faultLevels).default('some'),
  seed: z.int().default(1),
  count: z
    .custom<NonNullable<DemoShopOptions['count']>>((value) => typeof value === 'function')
    .default(() => (_: string, asked: number) => asked),
  clock: z.custom<ShopClock>(isClock).default(realClock),
});

const expected: Readonly<Record<OptionName, string>> = {
  port: 'a whole number from 0 (any free port) to 65535',
  host: 'an address or a host name',
  faults: `one of ${faultLevels.join(', ')}`,
  seed: `a whole number from ${Number.MIN_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}`,
  count: 'a function',
  clock: 'an object with now, setTimeout and clearTimeout',
};

const ownNames: Readonly<Record<OptionName, string>> = {
  port: 'port',
  host: 'host',
  faults: 'faults',
  seed: 'seed',
  count: 'count',
  clock: 'clock',
};

/**
 * Completes the demo shop's options.
 *
 * @param names What the options are called where they come from, for the message.
 * @throws {DemoShopOptionsError} The first option that cannot be taken: its name, its value and what was expected.
 */
export function parseDemoShopOptions(
  raw: Readonly<Record<string, unknown>>,
  names: Readonly<Record<OptionName, string>> = ownNames,
): DemoShopSettings {
  const parsed = settings.safeParse(raw);
  if (parsed.success) return parsed.data;
  const wrong = settings
    .keyof()
    .options.find((option) => !settings.shape[option].safeParse(raw[option]).success);
  if (wrong !== undefined)
    throw new DemoShopOptionsError(names[wrong], raw[wrong], expected[wrong], parsed.error);
  const unknown = Object.keys(raw).find((option) => !Object.hasOwn(settings.shape, option));
  throw new DemoShopOptionsError('An option', unknown, Object.keys(expected).join(', '), parsed.error);
}

function isClock(value: unknown): boolean {
  const methods = ['now', 'setTimeout', 'clearTimeout'] as const;
  return (
    typeof value === 'object' &&
    value !== null &&
    methods.every((method) => typeof Reflect.get(value, method) === 'function')
  );
}

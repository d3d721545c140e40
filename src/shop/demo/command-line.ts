import { parseArgs } from 'node:util';
import { type DemoShopSettings, parseDemoShopOptions } from './options.ts';
import { DemoShopOptionsError } from './options-error.ts';

/**
 * What the demo shop's command is told: arguments and environment, as one set of options.
 *
 * - An empty variable of the environment counts as one that is not set.
 * - Nothing is passed over: an unknown option or a stray word is refused.
 */

export const help = `Usage: npm run shop -- [options]

A shop with products and carts, in the shape of dummyjson.com, that fails on purpose.

Options:
  --faults none|some|many  how much fails (default: some)
  --seed N                 a whole number; another one makes other requests fail (default: 1)
  -h, --help               this text

Environment:
  SHOP_PORT  the port to listen on (default: 4500; 0 takes a free one)
  SHOP_HOST  the address to listen on (default: 127.0.0.1: this machine only)

Only requests with an Idempotency-Key (<task id>/<step>, or <task id>/<step>/<request>) fail.
`;

const defaultPort = 4_500;
const options = {
  faults: { type: 'string' },
  seed: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;
const known = '--faults, --seed or --help';
const names = {
  port: 'SHOP_PORT',
  host: 'SHOP_HOST',
  faults: '--faults',
  seed: '--seed',
  count: 'count',
  clock: 'clock',
};

/** @throws {DemoShopOptionsError} The first thing that cannot be taken, by name. */
export function parseCommandLine(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): 'help' | DemoShopSettings {
  const { values, tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind === 'positional') throw new DemoShopOptionsError('An argument', token.value, known);
    if (token.kind === 'option' && !Object.hasOwn(options, token.name)) {
      throw new DemoShopOptionsError('An option', token.rawName, known);
    }
  }
  if (values.help !== undefined) return 'help';
  return parseDemoShopOptions(
    {
      port: numeric(env.SHOP_PORT || undefined) ?? defaultPort,
      host: env.SHOP_HOST || undefined,
      faults: values.faults,
      seed: numeric(values.seed),
    },
    names,
  );
}

/** A number where the text is one, in plain digits; else the text, to be refused as it was written. */
function numeric(text: string | boolean | undefined): number | string | boolean | undefined {
  return typeof text === 'string' && /^-?\d+$/.test(text) ? Number(text) : text;
}

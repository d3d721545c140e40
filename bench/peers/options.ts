import { parseArgs } from 'node:util';
import { z } from 'zod';
import { SYSTEMS } from './systems.ts';

const names = [...new Set(SYSTEMS.map(({ name }) => name))];

const list = z.string().transform((text) => text.split(',').map((each) => each.trim()));

const schema = z.object({
  rounds: z.coerce.number().int().min(1),
  seconds: z.coerce.number().positive(),
  systems: list
    .pipe(z.array(z.enum(names)))
    .transform((chosen) => SYSTEMS.filter(({ name }) => chosen.some((each) => each === name))),
  'in-flight': list
    .pipe(z.array(z.coerce.number<string>().int().min(1)))
    .transform((all) => all.toSorted((a, b) => a - b)),
  full: z.boolean(),
  json: z.boolean(),
  svg: z.string().optional(),
  nats: z.string().optional(),
});

export type PeersOptions = z.output<typeof schema>;

/** @throws With a line for each option that is not as expected. */
export function parseOptions(args: readonly string[]): PeersOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '1' },
      systems: { type: 'string', default: names.join(',') },
      'in-flight': { type: 'string', default: '1,16,64,256,1024' },
      full: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      svg: { type: 'string' },
      nats: { type: 'string' },
    },
  });
  const parsed = schema.safeParse(values);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map(({ path, message }) => `--${path.join('.')}: ${message}`);
  throw new Error(lines.join('\n'));
}

import { z } from 'zod';
import { BadRequestError } from './bad-request-error.ts';
import type { Rows } from './faults.ts';

/**
 * What is asked for in an address: an id, a page. Everything else in it is passed over, as at dummyjson.com.
 */

/** Rows to a page where the request does not say. */
const defaultLimit = 30;

/** Digits only, and few enough to be exact: `Number('')`, `Number('1e3')` and `Number(' 7 ')` are numbers too. */
const digits = z
  .string()
  .regex(/^\d{1,9}$/)
  .transform(Number);

/** @throws {BadRequestError} Not a whole number from 1. */
export function parseId(text: unknown): number {
  return parse('id', text, digits.pipe(z.int().min(1)), 'a whole number from 1 to 999999999');
}

/**
 * The rows of a collection that a query asks for. `limit=0` asks for all that are left.
 *
 * @throws {BadRequestError} `limit` or `skip` is not a whole number.
 */
export function parsePage(query: unknown, total: number): Rows {
  const { limit, skip } = z
    .looseObject({ limit: z.unknown().optional(), skip: z.unknown().optional() })
    .parse(query);
  const size = parse(
    'limit',
    limit,
    digits.default(defaultLimit),
    'a whole number from 0 (all) to 999999999',
  );
  const from = parse('skip', skip, digits.default(0), 'a whole number from 0 to 999999999');
  return { from, to: size === 0 ? total : Math.min(from + size, total), total };
}

function parse<Value>(parameter: string, value: unknown, schema: z.ZodType<Value>, expected: string): Value {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new BadRequestError(parameter, value, expected);
  return parsed.data;
}

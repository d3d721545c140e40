import { isIPv4 } from 'node:net';
import { z } from 'zod';
import { InvalidOptionsError } from '../backends/index.ts';

/** Options of {@link startHttpDoor}. */
export interface HttpOptions {
  /** The TCP port; 0 takes a free one. @default 4400 */
  readonly port?: number | undefined;
  /** The address to listen on. One that others than this machine can reach asks for a token. @default '127.0.0.1' */
  readonly host?: string | undefined;
  /** What each request must carry as `Authorization: Bearer <token>`, but for those about health. @default none is asked for */
  readonly token?: string | undefined;
  /** The largest body that is taken, in bytes. @default 1_048_576 */
  readonly maxBody?: number | undefined;
  /** The longest that a request may take to arrive, in ms. @default 20_000 */
  readonly receiveWithin?: number | undefined;
  /** The longest that an answer may take from the end of the request's head, in ms. @default 30_000 */
  readonly answerWithin?: number | undefined;
}

/** {@link HttpOptions}, parsed and complete. */
export type HttpSettings = {
  readonly [Option in keyof Omit<HttpOptions, 'token'>]-?: NonNullable<HttpOptions[Option]>;
} & Pick<HttpOptions, 'token'>;

const error = (expectation: string) => ({ error: `expected ${expectation}` });
const PORT = error('a port: a whole number from 0 (any free one) to 65535');
const HOST = error('an address or a host name');
const TOKEN = error('16 to 1024 letters, digits and any of -._~+/=');
const BYTES = error('a whole number of bytes, 1 to 67108864');
const TIME = error('a whole number of milliseconds, 1 to 3600000');

const HOST_FORM = /^[A-Za-z0-9.:_-]{1,255}$/;

const time = z.int(TIME).min(1, TIME).max(3_600_000, TIME);

/** What the door may be told, as its program and the environment of `npm start` both give it. */
export const httpOptionsSchema = z
  .strictObject({
    port: z.int(PORT).min(0, PORT).max(65_535, PORT).default(4_400),
    host: z.string(HOST).regex(HOST_FORM, HOST).default('127.0.0.1'),
    token: z
      .string(TOKEN)
      .regex(/^[\w\-.~+/=]{16,1024}$/, TOKEN)
      .optional(),
    maxBody: z.int(BYTES).min(1, BYTES).max(67_108_864, BYTES).default(1_048_576),
    receiveWithin: time.default(20_000),
    answerWithin: time.default(30_000),
  })
  .superRefine(({ host, token }, context) => {
    if (!HOST_FORM.test(host) || isLoopback(host) || token !== undefined) return;
    const message =
      'expected an address that only this machine can reach, such as 127.0.0.1, unless a token is set';
    context.addIssue({ code: 'custom', path: ['host'], input: host, message });
  });

/** @throws {InvalidOptionsError} A line for each option that is not as expected; it shows no token. */
export function parseHttpOptions(options: HttpOptions): HttpSettings {
  const parsed = httpOptionsSchema.safeParse(options);
  if (!parsed.success) {
    const { token, ...shown } = options;
    const hidden = token === undefined ? {} : { token: '[redacted]' };
    throw new InvalidOptionsError('startHttpDoor', { ...shown, ...hidden }, parsed.error.issues);
  }
  const { token, ...settings } = parsed.data;
  return { ...settings, ...(token !== undefined && { token }) };
}

/** Whether a host, as it is listened on or asked for, is this machine alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

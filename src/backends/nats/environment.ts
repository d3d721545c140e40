import type { NatsOptions } from './options.ts';

/** The variables that the usual NATS tools read, and what they are here. */
const variables = {
  NATS_USER: 'user',
  NATS_PASSWORD: 'password',
  NATS_TOKEN: 'token',
  NATS_CREDS: 'credentials',
  NATS_NKEY: 'nkey',
} as const satisfies Record<string, keyof NatsOptions>;

const files = { NATS_CA: 'ca', NATS_CERT: 'cert', NATS_KEY: 'key' } as const;

/**
 * Where NATS is and who connects, as the environment has it: `NATS_URL` (several with commas between them), `NATS_USER`,
 * `NATS_PASSWORD`, `NATS_TOKEN`, `NATS_CREDS`, `NATS_NKEY`, `NATS_CA`, `NATS_CERT`, `NATS_KEY`. An empty variable counts as
 * one that is not set.
 *
 * @returns Options of `natsBackend`; nothing without a `NATS_URL`.
 */
export function natsOptionsOf(
  environment: Readonly<Record<string, string | undefined>>,
): NatsOptions | undefined {
  const { NATS_URL } = environment;
  if (!NATS_URL) return undefined;
  const given = <Option extends string>(names: Readonly<Record<string, Option>>) =>
    Object.fromEntries(
      Object.entries(names).flatMap(([name, option]) =>
        environment[name] ? [[option, environment[name]]] : [],
      ),
    );
  const tls = given(files);
  return {
    servers: NATS_URL.split(',').map((url) => url.trim()),
    ...given(variables),
    ...(Object.keys(tls).length > 0 && { tls }),
  };
}

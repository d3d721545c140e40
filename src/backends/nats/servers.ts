/** Where the servers are and who connects to them, in the client's words. */
import { readFile } from 'node:fs/promises';
import { type Authenticator, type ConnectionOptions, credsAuthenticator, nkeyAuthenticator } from 'nats';
import { RefusedError } from '../errors/refused-error.ts';
import type { NatsSettings } from './options.ts';

export interface Server {
  /** Without who connects: for the client, and for messages. */
  readonly url: string;
  readonly isTls: boolean;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
}

/** Reads a server's URL. @returns What is wrong with it, if it is none. */
export function serverOf(given: string): Server | string {
  const expected = 'expected the URL of a NATS server: nats://host:4222 or tls://host:4222';
  const parsed = URL.parse(given.includes('://') ? given : `nats://${given}`);
  if (!parsed || parsed.hostname === '') return expected;
  const { protocol, username, password, host } = parsed;
  if (protocol !== 'nats:' && protocol !== 'tls:') return `${expected}, not ${protocol}//`;
  const who = decodeURIComponent(username);
  return {
    url: `${protocol}//${host}`,
    isTls: protocol === 'tls:',
    ...(password !== ''
      ? { user: who, password: decodeURIComponent(password) }
      : who !== '' && { token: who }),
  };
}

/** @throws {RefusedError} A file of the credentials cannot be read. */
export async function connectionOptions(settings: NatsSettings): Promise<ConnectionOptions> {
  const { servers, tls } = settings;
  const first = servers.find(({ user, token }) => user !== undefined || token !== undefined);
  const { user = first?.user, password = first?.password, token = first?.token } = settings;
  const authenticators: Authenticator[] = [];
  if (settings.credentials !== undefined) {
    authenticators.push(credsAuthenticator(await contentOf('credentials', settings.credentials)));
  }
  if (settings.nkey !== undefined) {
    const seed = await contentOf('nkey', settings.nkey);
    authenticators.push(nkeyAuthenticator(new TextEncoder().encode(new TextDecoder().decode(seed).trim())));
  }
  return {
    servers: servers.map(({ url }) => url),
    name: settings.name,
    inboxPrefix: settings.inboxPrefix,
    timeout: settings.requestTimeout,
    pingInterval: settings.pingInterval,
    maxPingOut: 2,
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
    ...(authenticators.length > 0 && { authenticator: authenticators }),
    ...(user !== undefined && { user, pass: password ?? '' }),
    ...(token !== undefined && { token }),
    ...((tls || servers.some(({ isTls }) => isTls)) && {
      tls: {
        ...(tls?.ca !== undefined && { caFile: tls.ca }),
        ...(tls?.cert !== undefined && { certFile: tls.cert }),
        ...(tls?.key !== undefined && { keyFile: tls.key }),
      },
    }),
  };
}

async function contentOf(option: string, path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new RefusedError(`natsBackend: ${option} is ${JSON.stringify(path)}; expected a file to read`, {
      cause,
    });
  }
}

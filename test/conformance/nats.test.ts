import { afterAll, beforeAll } from 'vitest';
import { natsBackend } from '../../src/backends/nats/index.ts';
import { type NatsServer, startNatsServer } from '../backends/nats/nats-server.ts';
import { accounts } from './accounts.ts';
import { conformance } from './suite.ts';

let server: NatsServer;
const places = new Map<string, number>();
beforeAll(async () => {
  server = await startNatsServer({ configuration: accounts(200) });
});
afterAll(() => server[Symbol.asyncDispose]());

conformance(
  'nats',
  ({ clock: _, ...settings }, place) => {
    const account = places.get(place) ?? places.size;
    places.set(place, account);
    return natsBackend({ ...settings, servers: server.url, user: `a${account}`, password: 'secret' });
  },
  { virtualTime: false, reopens: true },
);

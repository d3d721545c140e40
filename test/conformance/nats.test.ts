<<<<<<<< HEAD:test/conformance/nats.test.ts
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
========
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { memoryBackend } from '../../src/backends/memory/index.ts';
import { sqliteBackend } from '../../src/backends/sqlite/index.ts';
import { conformance } from './suite.ts';

const folder = mkdtempSync(join(tmpdir(), 'taskchart-conformance-'));
afterAll(() => rmSync(folder, { recursive: true }));

conformance('memory', memoryBackend, { virtualTime: true });

conformance(
  'sqlite',
  (settings, place) => sqliteBackend({ ...settings, file: join(folder, `${place}.db`) }),
  {
    virtualTime: true,
    reopens: true,
  },
>>>>>>>> 696d7d4 (Believe no reader that was just elected that there is nothing; try a cluster that loses each server):test/conformance/backends.test.ts
);

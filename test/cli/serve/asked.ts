/** The task `ask` of `own-tasks.ts`, and what it asks. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { Arrivals } from '../../conformance/stand.ts';

/** For `TASKCHART_TASKS`. */
export const ownTasks = fileURLToPath(new URL('./own-tasks.ts', import.meta.url));

/** A server that answers when the test says so. */
export async function openAsked() {
  const calls = new Arrivals<{ key: unknown; answer: ServerResponse }>();
  const server = createServer(({ headers }, answer) =>
    calls.push({ key: headers['idempotency-key'], answer }),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { calls, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

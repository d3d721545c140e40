/**
 * A worker of its own process that takes and holds, for tests that freeze it. It says each message that is handed over to it,
 * a line each, and acknowledges all of them when it is told `acknowledge`; then it says `done`.
 */
import { createInterface } from 'node:readline';
import { natsBackend } from '../../../src/backends/nats/index.ts';
import type { Delivery } from '../../../src/backends/port.ts';

const [servers = '', ackWait = ''] = process.argv.slice(2);
const backend = await natsBackend({ servers, ackWait: Number(ackWait) });
const held: Delivery[] = [];
await backend.inbox.take({ names: ['order'], limit: 10 }, (delivery) => {
  held.push(delivery);
  console.log(delivery.message.taskId);
});
console.log('ready');
for await (const line of createInterface(process.stdin)) {
  if (line !== 'acknowledge') continue;
  await Promise.all(held.map((delivery) => delivery.acknowledge()));
  console.log('done');
}
await backend.close();

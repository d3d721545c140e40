import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { labelOf, requestOf } from '../../conformance/inbox.ts';
import { Arrivals, warnings } from '../../conformance/stand.ts';
import { layCable, repeated } from './cable.ts';
import { type Arrival, type InboxStand, inboxStand, takeFrom, until } from './inbox-stand.ts';

const INBOX = 'TASKCHART_INBOX';

/** Acknowledges what comes, until the inbox is empty. */
async function work(stand: InboxStand, arrivals: Arrivals<Arrival>): Promise<void> {
  await until('the inbox is empty', async () => {
    while (arrivals.waiting > 0) {
      const { delivery } = await arrivals.next();
      await repeated(() => delivery.acknowledge());
    }
    return (await stand.count(INBOX)) === 0;
  });
}

describe('the inbox', () => {
  it('H1 gives again what was held when its server was killed', async () => {
    await using stand = await inboxStand();
    const backend = await stand.open();
    const ids = Array.from({ length: 10 }, (_, n) => `t${n}`);
    for (const id of ids) await backend.inbox.submit(requestOf(id));
    const { arrivals } = await takeFrom(backend, 10);
    const held = await arrivals.take(10);
    await stand.server.end('SIGKILL');
    await expect(held[0]?.delivery.acknowledge()).rejects.toMatchObject({ name: 'UnavailableError' });
    await expect(backend.inbox.submit(requestOf('late'))).rejects.toMatchObject({ name: 'UnavailableError' });
    await sleep(1_000);
    await stand.server.start();
    const again = await arrivals.take(10);
    expect(again.map(({ delivery }) => labelOf(delivery)).sort()).toEqual(ids);
    for (const { delivery } of held) await delivery.acknowledge();
    expect(await stand.count(INBOX)).toBe(10);
    for (const { delivery } of again) await repeated(() => delivery.acknowledge());
    await work(stand, arrivals);
  });

  it('removes again what its server had removed and, being killed, forgot about', async () => {
    await using stand = await inboxStand();
    const backend = await stand.open({ orphanGrace: 400 });
    const { arrivals } = await takeFrom(backend, 20);
    for (let n = 0; n < 20; n++) await backend.inbox.submit(requestOf(`t${n}`));
    const held = await arrivals.take(20);
    for (const { delivery } of held.slice(0, -1)) await delivery.acknowledge();
    expect(await stand.count(INBOX)).toBe(1);
    // Until it has kept what it knows of its consumers, but not of the messages that are gone.
    await sleep(1_000);
    await stand.server.end('SIGKILL');
    await stand.server.start();
    await work(stand, arrivals);
    await repeated(() => backend.inbox.submit(requestOf('t0')));
    expect(labelOf((await arrivals.next()).delivery)).toBe('t0');
  });

  it('B1 loses nothing, and gives nothing again that was acknowledged, over connections that are cut', async () => {
    await using stand = await inboxStand();
    await using cable = await layCable(stand.server.port);
    const backend = await stand.open({ servers: cable.url });
    const count = 60;
    const acknowledged = new Set<string>();
    const wrong: string[] = [];
    // Those were perhaps stored, done and stored again: a request is known while it is not acknowledged.
    const repeats = new Set<string>();
    let attempts = 0;
    await backend.inbox.take({ names: ['order'], limit: 5 }, async (delivery) => {
      const label = labelOf(delivery);
      attempts++;
      if (acknowledged.has(label) && !repeats.has(label)) wrong.push(label);
      // A third is handed back first.
      if (delivery.attempt === 1 && attempts % 3 === 0)
        return delivery.handBack(Date.now() + 50).catch(() => {});
      await delivery.acknowledge().then(
        () => acknowledged.add(label),
        () => {},
      );
    });
    let isDone = false;
    const cutting = (async () => {
      while (!isDone) {
        await sleep(40 + Math.random() * 80);
        cable.cut();
        await sleep(150);
      }
    })();
    for (let n = 0; n < count; n++) {
      await backend.inbox.submit(requestOf(`t${n}`)).catch(() => {
        repeats.add(`t${n}`);
        return repeated(() => backend.inbox.submit(requestOf(`t${n}`)));
      });
      await sleep(5);
    }
    isDone = true;
    await cutting;
    await until('the inbox is empty', async () => (await stand.count(INBOX)) === 0);
    expect(wrong).toEqual([]);
    expect(attempts).toBeGreaterThanOrEqual(count);
  });

  it.each([
    ['consumer', 'CONSUMER.DELETE.TASKCHART_INBOX.order'],
    ['stream', 'STREAM.DELETE.TASKCHART_INBOX'],
  ])('goes on when its %s is deleted under a taker, and what was held is void', async (what, request) => {
    await using stand = await inboxStand();
    const warned = warnings();
    const backend = await stand.open();
    await backend.inbox.submit(requestOf('before'));
    const { arrivals } = await takeFrom(backend, 2);
    const { delivery: old } = await arrivals.next();
    await stand.api(request);
    await until('it is there again', () =>
      repeated(() => backend.inbox.submit(requestOf('after'))).then(
        () => arrivals.waiting > 0,
        () => false,
      ),
    );
    await until('the new one came', () => arrivals.all.some(({ delivery }) => labelOf(delivery) === 'after'));
    const before = await stand.count(INBOX);
    await old.acknowledge();
    expect(await stand.count(INBOX)).toBe(before);
    if (what === 'stream') expect(warned.all.join('\n')).toContain(`The stream ${INBOX} was made anew`);
    while (arrivals.waiting > 0) await (await arrivals.next()).delivery.acknowledge();
    await work(stand, arrivals);
  });

  it('H1 H2 lets a worker that was frozen past ackWait neither keep nor acknowledge what is another’s by then', async () => {
    await using stand = await inboxStand();
    const backend = await stand.open();
    const program = fileURLToPath(new URL('inbox-holder.ts', import.meta.url));
    const child = spawn(process.execPath, [program, stand.server.url, '1000'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    try {
      const lines = new Arrivals<string>();
      createInterface(child.stdout).on('line', lines.push);
      expect(await lines.next()).toBe('ready');
      await backend.inbox.submit(requestOf('held'));
      expect(await lines.next()).toBe('held');
      child.kill('SIGSTOP');
      // It lies in the frozen one's socket.
      await backend.inbox.submit(requestOf('on-its-way'));
      await sleep(1_200);
      const { arrivals } = await takeFrom(backend, 2);
      const held = await arrivals.take(2);
      child.kill('SIGCONT');
      child.stdin.write('acknowledge\n');
      expect(await lines.next()).toBe('done');
      expect(await stand.count(INBOX)).toBe(2);
      expect(lines.all).toEqual(['ready', 'held', 'done']);
      for (const { delivery } of held) await delivery.acknowledge();
      await work(stand, arrivals);
    } finally {
      child.stdin.end();
      const ended = once(child, 'exit');
      child.kill('SIGCONT');
      await ended;
    }
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Backend, Commit } from '../../../src/backends/index.ts';
import { natsBackend } from '../../../src/backends/nats/index.ts';
import { collect } from '../../conformance/stand.ts';
import { layCable, repeated } from './cable.ts';
import { type NatsServer, startNatsServer } from './nats-server.ts';

let server: NatsServer;
beforeEach(async () => {
  server = await startNatsServer();
});
afterEach(() => server[Symbol.asyncDispose]());

const open = (url = server.url): Promise<Backend> => natsBackend({ servers: url, requestTimeout: 1_000 });

const commitOf = (id: string, more: Partial<Commit> = {}): Commit => ({
  id,
  writer: 'writer-1',
  entries: [{ entry: id }],
  ...more,
});

/** Appends one commit behind the other, each as often as it takes, until it is told to stop. @returns Their sequences. */
async function appendOn({ journal }: Backend, taskId: string, isOver: () => boolean): Promise<number[]> {
  const sequences: number[] = [];
  while (!isOver()) {
    const last = sequences.at(-1) ?? 0;
    const commit = commitOf(`${taskId}/${sequences.length}`);
    sequences.push(await repeated(() => journal.append(taskId, last, commit)));
  }
  return sequences;
}

/** Appends to several journals while something happens; then all that was answered is there, once, in order. */
async function keepsAll(backends: readonly Backend[], happen: () => Promise<void>): Promise<number> {
  let isOver = false;
  const chains = backends.flatMap((backend, n) =>
    Array.from({ length: 4 }, (_, task) => {
      const taskId = `t${n}-${task}`;
      return { taskId, appended: appendOn(backend, taskId, () => isOver) };
    }),
  );
  await happen();
  isOver = true;
  let count = 0;
  for (const { taskId, appended } of chains) {
    const sequences = await appended;
    await using backend = await open();
    const commits = await collect(backend.journal.read(taskId));
    expect(commits.map(({ id, sequence }) => [id, sequence])).toEqual(
      sequences.map((sequence, n) => [`${taskId}/${n}`, sequence]),
    );
    count += sequences.length;
  }
  return count;
}

describe('the journal', () => {
  it('B1 B2 has each commit once over connections that are cut in the middle of appends', async () => {
    await using cable = await layCable(server.port);
    await using one = await open(cable.url);
    await using two = await open(cable.url);
    let cuts = 0;
    const count = await keepsAll([one, two], async () => {
      for (; cuts < Number(process.env.CUTS ?? 15); cuts++) {
        // Until some are through, then in the middle of others.
        const taskId = `cut${cuts}`;
        await repeated(() => one.journal.append(taskId, 0, commitOf(taskId)));
        await repeated(() => two.journal.append(`${taskId}-2`, 0, commitOf(taskId)));
        cable.cut();
      }
    });
    expect(count).toBeGreaterThan(cuts);
  });

  it('B1 B2 has all that was acknowledged when the server was killed under load, and goes on', async () => {
    await using one = await open();
    await using two = await open();
    await keepsAll([one, two], async () => {
      for (let kills = 0; kills < 3; kills++) {
        await repeated(() => one.journal.append(`kill${kills}`, 0, commitOf(`kill${kills}`)));
        await server.end('SIGKILL');
        await server.start();
      }
      await repeated(() => two.journal.append('end', 0, commitOf('end')));
    });
  });

  it('B1 says that it does not know while the server does not answer, and goes on when it does', async () => {
    await using backend = await open();
    const { journal, records, blobs, events } = backend;
    const one = await journal.append('t', 0, commitOf('c1'));
    await server.freeze();
    const begun = Date.now();
    const asked = await Promise.allSettled([
      journal.append('t', one, commitOf('c2')),
      journal.last('t'),
      collect(journal.read('t')),
      records.create('a', 1),
      blobs.put('value'),
      events.publish({ subject: 'orders.a', id: 'm', body: 1 }),
    ]);
    expect(Date.now() - begun).toBeLessThan(5_000);
    for (const outcome of asked) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'UnavailableError' } });
    }
    server.thaw();
    const two = await repeated(() => journal.append('t', one, commitOf('c2')));
    expect(await collect(journal.read('t'))).toMatchObject([{ sequence: one }, { sequence: two }]);
  });

  it('B3 lets one of two workers win, and stops the other at its first append', async () => {
    await using one = await open();
    await using two = await open();
    const chain = async ({ journal }: Backend, writer: string): Promise<readonly [string, number]> => {
      let last = 0;
      for (let n = 0; ; n++) {
        try {
          last = await journal.append('t', last, commitOf(`${writer}/${n}`, { writer }));
        } catch (error) {
          expect(error).toMatchObject({ name: 'JournalConflictError' });
          return [(error as { writer: string }).writer, n];
        }
        if (n === 50) return ['', n];
      }
    };
    const outcomes = await Promise.all([chain(one, 'one'), chain(two, 'two')]);
    const commits = await collect(one.journal.read('t'));
    const [winner] = new Set(commits.map(({ writer }) => writer));
    expect(commits).toHaveLength(51);
    expect(new Set(commits.map(({ writer }) => writer)).size).toBe(1);
    expect(outcomes.find(([, n]) => n === 0)?.[0]).toBe(winner);
  });

  it('follows over a server that was killed', async () => {
    await using one = await open();
    await using two = await open();
    const seen: number[] = [];
    const enough = Promise.withResolvers<void>();
    await two.journal.follow('t', 0, ({ sequence }) => {
      seen.push(sequence);
      if (seen.length === 3) enough.resolve();
    });
    const first = await one.journal.append('t', 0, commitOf('c1'));
    await server.end('SIGKILL');
    await server.start();
    const second = await repeated(() => one.journal.append('t', first, commitOf('c2')));
    const third = await repeated(() => one.journal.append('t', second, commitOf('c3')));
    await enough.promise;
    expect(seen).toEqual([first, second, third]);
  });
});

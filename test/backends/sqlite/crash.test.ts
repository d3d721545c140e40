import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../../src/backends/index.ts';
import { sqliteBackend } from '../../../src/backends/sqlite/index.ts';
import { Arrivals, collect } from '../../conformance/stand.ts';
import { makeFolder } from './folder.ts';
import { start } from './process.ts';

const KILLS = 10;

/** What processes said was durable, by what it was. */
interface Promised {
  readonly submit: Set<string>;
  readonly append: Map<string, number>;
  readonly publish: Set<string>;
}

function note(promised: Promised, line: string): void {
  const [what, id = '', entry] = line.split(' ');
  if (what === 'submit') promised.submit.add(id);
  if (what === 'append') promised.append.set(id, Number(entry));
  if (what === 'publish') promised.publish.add(id);
}

/** All that was promised is there, and what else is there is whole. */
async function check({ journal, inbox, events }: Backend, promised: Promised): Promise<void> {
  for (const [id, entry] of promised.append) {
    const commits = await collect(journal.read(id));
    expect(commits.length).toBeGreaterThanOrEqual(entry);
    for (const [index, commit] of commits.entries()) {
      expect(commit.id).toBe(`${id}/${index + 1}`);
      expect(commit.entries).toEqual([{ entry: index + 1 }, 'x'.repeat(500)]);
    }
  }
  const published = new Arrivals<string>();
  await using _ = await events.subscribe('orders.>', { start: 'all' }, ({ id, body, subject }) => {
    expect([subject, body]).toEqual([`orders.created.${id}`, { of: id }]);
    published.push(id);
  });
  const submitted = new Arrivals<string>();
  await using __ = await inbox.take({ names: ['order'], limit: 1_000_000 }, ({ message, attempt }) => {
    expect([message.body, attempt]).toEqual([{ of: message.taskId }, 1]);
    submitted.push(message.taskId);
  });
  for (const [arrivals, ids] of [
    [published, promised.publish],
    [submitted, promised.submit],
  ] as const) {
    const missing = new Set(ids);
    while (missing.size > 0) missing.delete(await arrivals.next());
    expect(new Set(arrivals.all).size).toBe(arrivals.all.length);
  }
}

describe('a process that is killed in the middle of writing', () => {
  it(`B1 leaves all that it had promised, and nothing half, ${KILLS} times`, async () => {
    const file = join(makeFolder(), 'test.db');
    const promised: Promised = { submit: new Set(), append: new Map(), publish: new Set() };
    for (let kill = 0; kill < KILLS; kill++) {
      await using writer = start('write', file);
      // At another point each time: after so many lines, in the middle of whatever it does then.
      await writer.lines.take(1 + kill * 97);
      await writer.kill();
      for (const line of writer.lines.all) note(promised, line);
    }
    expect(promised.append.size).toBeGreaterThan(KILLS);
    await using backend = await sqliteBackend({ file });
    await check(backend, promised);
  }, 60_000);
});

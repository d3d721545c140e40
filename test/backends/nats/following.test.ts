import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StoredCommit } from '../../../src/backends/index.ts';
import { Connection } from '../../../src/backends/nats/connection.ts';
import { JournalFollowers, type ReadOn } from '../../../src/backends/nats/journal-followers.ts';
import { parseNatsOptions } from '../../../src/backends/nats/options.ts';
import type { KeptCommit } from '../../../src/backends/nats/stored-commit.ts';
import { Arrivals } from '../../conformance/stand.ts';
import { type NatsServer, startNatsServer } from './nats-server.ts';

let server: NatsServer;
beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const found = (sequence: number, previous: number, closing = false): KeptCommit => {
  const commit: StoredCommit = { id: `c${sequence}`, writer: 'w', entries: [1], sequence, at: 0, closing };
  return {
    commit,
    previous,
    place: sequence,
    location: { generation: 1, life: '0' },
    placeBefore: previous,
  };
};

/** Follows a journal of which the test says what is left. */
async function following(start: readonly KeptCommit[]) {
  const connection = await Connection.open(parseNatsOptions({ servers: server.url }));
  let kept = start;
  const readOn: ReadOn = async (_taskId, after) => ({
    commits: kept.filter(({ commit }) => commit.sequence > after),
    last: kept.at(-1),
    isGone: false,
  });
  const followers = new JournalFollowers(connection, (taskId) => `journal.${taskId}`, readOn);
  const told = new Arrivals<unknown>();
  const end = followers.add('t', 0, { onCommit: ({ id }) => told.push(id), onGap: told.push });
  return {
    told,
    connection,
    /** Without a word to who follows. */
    set: (commits: readonly KeptCommit[]) => {
      kept = commits;
    },
    become: (commits: readonly KeptCommit[]) => {
      kept = commits;
      followers.wake('t');
    },
    [Symbol.asyncDispose]: async () => {
      await end();
      await connection.close();
    },
  };
}

describe('a follower of a journal', () => {
  const gap = { name: 'JournalDroppedError', taskId: 't', after: 1 };

  it('is told of what it misses of a journal that was dropped, and follows the next', async () => {
    await using stand = await following([found(1, 0)]);
    expect(await stand.told.next()).toBe('c1');
    stand.become([]);
    expect(await stand.told.next()).toMatchObject(gap);
    stand.become([found(9, 0)]);
    expect(await stand.told.next()).toBe('c9');
  });

  it('is told of it before what comes then', async () => {
    await using stand = await following([found(1, 0)]);
    expect(await stand.told.next()).toBe('c1');
    stand.become([found(5, 4, true)]);
    expect(await stand.told.next()).toMatchObject(gap);
    expect(await stand.told.next()).toBe('c5');
    stand.become([found(9, 0)]);
    expect(await stand.told.next()).toBe('c9');
    stand.become([found(9, 0), found(10, 9)]);
    expect(await stand.told.next()).toBe('c10');
  });

  it('looks where it was hinted to, as soon as it is there', async () => {
    await using stand = await following([found(1, 0)]);
    expect(await stand.told.next()).toBe('c1');
    stand.connection.nats.publish('journal.t');
    await stand.connection.nats.flush();
    stand.set([found(1, 0), found(2, 1)]);
    expect(await stand.told.next()).toBe('c2');
  });
});

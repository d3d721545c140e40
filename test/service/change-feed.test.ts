import { expect, test } from 'vitest';
import type { TaskStatus } from '../../machines/status.ts';
import { type EventBus, UnavailableError } from '../../src/backends/index.ts';
import { memoryBackend } from '../../src/backends/memory/index.ts';
import { changeMessage } from '../../src/service/change-event.ts';
import { ChangeFeed } from '../../src/service/change-feed.ts';
import { turns } from '../machines/supervisor/pool-stand.ts';
import { VirtualClock } from '../virtual-time.ts';

const message = (entry: number, status: TaskStatus) =>
  changeMessage({ id: 'a', entry, n: 0, time: 0 }, { name: 'work', version: '1', status, changes: [] });

test('E3: an end that another process told of, before what came before it was stored here, is told again behind that', async () => {
  const clock = new VirtualClock(0);
  await using backend = memoryBackend({ clock });
  const { events } = backend;
  let away = true;
  const bus: EventBus = {
    subscribe: (...given) => events.subscribe(...given),
    publish: async (given) => {
      if (away) throw new UnavailableError('events.publish', { cause: 'no connection' });
      return events.publish(given);
    },
  };
  const stored: string[] = [];
  const feed = new ChangeFeed(bus, clock, { stored: ({ id }) => stored.push(id), lost: () => {} });

  const published = [message(3, 'running'), message(5, 'running'), message(8, 'complete')].map((each) =>
    feed.publish('a', each),
  );
  await events.publish(message(8, 'complete'));
  away = false;
  await clock.advance(1_000);
  await Promise.all(published);

  const ids: string[] = [];
  await using _ = await events.subscribe('taskchart.events.>', { start: 'all' }, ({ id, body }) => {
    ids.push(id);
    expect(body).toMatchObject({ id });
  });
  await turns(20);
  expect(ids).toEqual(['a/8/0', 'a/3/0', 'a/5/0', 'a/8/1']);
  expect(stored).toEqual(['a/3/0', 'a/5/0']);
});

test('E1: what was told in its order before is not told again', async () => {
  const clock = new VirtualClock(0);
  await using backend = memoryBackend({ clock });
  const all = [message(2, 'running'), message(3, 'running'), message(4, 'complete')];
  for (const each of all) await backend.events.publish(each);
  const stored: string[] = [];
  const feed = new ChangeFeed(backend.events, clock, { stored: ({ id }) => stored.push(id), lost: () => {} });
  await Promise.all(all.map((each) => feed.publish('a', each)));
  const ids: string[] = [];
  await using _ = await backend.events.subscribe('taskchart.events.>', { start: 'all' }, ({ id }) => {
    ids.push(id);
  });
  await turns(20);
  expect([ids, stored]).toEqual([['a/2/0', 'a/3/0', 'a/4/0'], []]);
});

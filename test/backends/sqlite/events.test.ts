import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Arrivals } from '../../conformance/stand.ts';
import { openOpenly } from './folder.ts';

describe('the event bus of the SQLite backend', () => {
  it('B1 has the position of a named subscriber in the file when that has stopped', async () => {
    await using open = await openOpenly();
    const { events } = open.backend;
    const seen = new Arrivals<string>();
    const subscription = await events.subscribe('orders.>', { name: 'mailer' }, ({ id }) => seen.push(id));
    const ack = await events.publish({ subject: 'orders.a', id: 'm', body: 1 });
    await seen.next();
    await subscription.stop();
    const position = open.db.prepare('SELECT name, filter, position FROM subscribers').get();
    expect(position).toEqual({ name: 'mailer', filter: 'orders.>', position: ack.sequence });
  });

  it('B6 lets the event loop turn while a subscriber goes by what its filter does not take', async () => {
    await using open = await openOpenly();
    const { events } = open.backend;
    const published = Array.from({ length: 20_000 }, (_, n) =>
      events.publish({ subject: `orders.a.${n === 19_999 ? 'x' : 'y'}`, id: `m${n}`, body: n }),
    );
    await Promise.all(published);
    let isSeen = false;
    await events.subscribe('orders.*.x', { start: 'all' }, () => {
      isSeen = true;
    });
    let turns = 0;
    for (; !isSeen; turns++) await turn();
    expect(turns).toBeGreaterThan(5);
  });
});

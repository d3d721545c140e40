import type { Pool } from 'pg';
import type { OrderCreated } from '../../../machines/order/order-created.ts';

/** Where a peer on PostgreSQL publishes its events: a table of the same server, an event once. */
export async function eventTable(pool: Pool) {
  await pool.query('CREATE TABLE IF NOT EXISTS events (id text PRIMARY KEY, body jsonb NOT NULL)');
  return {
    async publish(event: OrderCreated): Promise<void> {
      await pool.query({
        name: 'publish',
        text: 'INSERT INTO events (id, body) VALUES ($1, $2) ON CONFLICT DO NOTHING',
        values: [event.id, event],
      });
    },
    async count(): Promise<number> {
      const { rows } = await pool.query<{ count: string }>('SELECT count(*) FROM events');
      return Number(rows[0]?.count);
    },
    async read(id: string): Promise<OrderCreated | undefined> {
      const { rows } = await pool.query<{ body: OrderCreated }>('SELECT body FROM events WHERE id = $1', [
        id,
      ]);
      return rows[0]?.body;
    },
  };
}

import { startNats } from './servers/nats.ts';
import { startPostgres } from './servers/postgres.ts';
import { startRedis } from './servers/redis.ts';
import { startRestate } from './servers/restate.ts';
import type { Server } from './servers/server.ts';

/** When something counts as kept: on the disk, with the operating system (it outlives the process, not the power), in memory. */
export type Durability = 'disk' | 'system' | 'memory';

/** Something that runs orders, to be measured. */
export interface System {
  readonly name: string;
  /** A limit is what nothing could be faster than that kept the same. */
  readonly kind: 'limit' | 'ours' | 'peer';
  readonly durability: Durability;
  readonly workers: number;
  /** The engine's module, relative to this folder. */
  readonly module: string;
  readonly startServer?: (folder: string, programs: Programs) => Promise<Server>;
}

/** Servers' programs to be used in place of those that are found. */
export interface Programs {
  readonly nats?: string | undefined;
}

const jetstream = {
  kind: 'ours',
  module: './own/jetstream.ts',
} as const;

/** In the order in which they take turns. */
export const SYSTEMS: readonly System[] = [
  { name: 'bare chart', kind: 'limit', durability: 'memory', workers: 1, module: './own/bare-chart.ts' },
  {
    name: 'sqlite appends',
    kind: 'limit',
    durability: 'disk',
    workers: 1,
    module: './own/sqlite-appends.ts',
  },
  {
    name: 'jetstream appends',
    kind: 'limit',
    durability: 'system',
    workers: 1,
    module: './own/jetstream-appends.ts',
    startServer: (folder, { nats }) => startNats(folder, 'default', nats),
  },
  { name: 'memory', kind: 'ours', durability: 'memory', workers: 1, module: './own/memory.ts' },
  { name: 'sqlite', kind: 'ours', durability: 'disk', workers: 1, module: './own/sqlite.ts' },
  ...([1, 2] as const).flatMap((workers): System[] => [
    {
      ...jetstream,
      name: 'jetstream',
      durability: 'system',
      workers,
      startServer: (folder, { nats }) => startNats(folder, 'default', nats),
    },
    {
      ...jetstream,
      name: 'jetstream sync',
      durability: 'disk',
      workers,
      startServer: (folder, { nats }) => startNats(folder, 'always', nats),
    },
  ]),
  {
    name: 'bullmq everysec',
    kind: 'peer',
    durability: 'system',
    workers: 1,
    module: './engines/bullmq.ts',
    startServer: (folder) => startRedis(folder, 'everysec'),
  },
  {
    name: 'bullmq always',
    kind: 'peer',
    durability: 'disk',
    workers: 1,
    module: './engines/bullmq.ts',
    startServer: (folder) => startRedis(folder, 'always'),
  },
  {
    name: 'restate',
    kind: 'peer',
    durability: 'disk',
    workers: 1,
    module: './engines/restate.ts',
    startServer: startRestate,
  },
  {
    name: 'dbos',
    kind: 'peer',
    durability: 'disk',
    workers: 1,
    module: './engines/dbos.ts',
    startServer: startPostgres,
  },
  {
    name: 'graphile-worker',
    kind: 'peer',
    durability: 'disk',
    workers: 1,
    module: './engines/graphile-worker.ts',
    startServer: startPostgres,
  },
];

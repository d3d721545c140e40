import { withoutSecrets } from '../../../machines/step/index.ts';
import type { Backend } from '../../backends/index.ts';
import { Connection } from '../../backends/nats/connection.ts';
import { natsBackend } from '../../backends/nats/index.ts';
import { parseNatsOptions } from '../../backends/nats/options.ts';
import { sqliteBackend } from '../../backends/sqlite/index.ts';
import { startHttpDoor } from '../../http/index.ts';
import { type NatsDoor, startNatsDoor } from '../../nats/index.ts';
import { type Service, startService } from '../../service/index.ts';
import { shopClient, shopOrderTask } from '../../shop/index.ts';
import { startLastingDemoShop } from '../demo-shop.ts';
import { type Log, logChange, logReport } from './log.ts';
import { loadTasks } from './own-tasks.ts';
import type { ServeSettings } from './settings.ts';

/** What `npm start` runs. */
export interface Serving {
  /** Takes no new work, lets what runs come to its end for a bounded time, answers meanwhile, and closes all. */
  stop(): Promise<void>;
}

/**
 * Opens the door for HTTP, then what is behind it, so that from the outside it can be seen that it starts.
 *
 * @throws {SettingsError} The module with the tasks cannot be taken.
 * @throws What the backend throws that cannot be opened.
 * @throws What Node throws where it cannot listen: its `code` is `EADDRINUSE`, `EACCES`, ….
 */
export async function serve(settings: ServeSettings, log: Log): Promise<Serving> {
  const ownTasks = settings.tasks === undefined ? () => [] : await loadTasks(settings.tasks);
  let running: { service: Service; backend: Backend } | undefined;
  // What was opened is closed when starting fails.
  await using opened = new AsyncDisposableStack();
  const door = opened.use(
    await startHttpDoor(settings.http, {
      running: () => running,
      onError: (err, request) => log.error({ err, request }, 'a request ran into an error'),
    }),
  );
  const backend = opened.use(await openBackend(settings.backend));
  const url = settings.shopUrl ?? opened.use(await startLastingDemoShop(backend)).url;
  const shop = shopClient({ url });
  const service = opened.use(
    await startService({
      backend,
      tasks: (surroundings) => [shopOrderTask({ ...surroundings, shop }), ...ownTasks(surroundings)],
      onChange: (event) => logChange(log, event),
      onReport: (report) => logReport(log, report),
    }),
  );
  const natsDoor = await openNatsDoor(settings.backend, service, opened, log);
  running = { service, backend };
  const shopShown = { shop: withoutSecrets(url), demo_shop: settings.shopUrl === undefined };
  const keeping = 'file' in settings.backend ? { data: settings.backend.file } : {};
  log.info(
    { url: door.url, backend: backend.name, ...keeping, ...shopShown },
    `Taskchart listens on ${door.url}`,
  );

  const parts = opened.move();
  return {
    async stop() {
      log.info('draining');
      // Others are there to be asked, and events find this worker by the backend.
      await natsDoor?.close();
      const { handedBack } = await service.drain();
      // Closed once nothing runs any more, and before what it asks.
      await door.close();
      await parts.disposeAsync();
      log.info({ handed_back: handedBack }, 'drained');
    },
  };
}

function openBackend(backend: ServeSettings['backend']): Promise<Backend> {
  return 'file' in backend ? sqliteBackend(backend) : natsBackend(backend.nats);
}

/** On a connection of its own, so that who asks much does not hold up the journals. */
async function openNatsDoor(
  backend: ServeSettings['backend'],
  service: Service,
  opened: AsyncDisposableStack,
  log: Log,
): Promise<NatsDoor | undefined> {
  if ('file' in backend) return undefined;
  const settings = parseNatsOptions({ ...backend.nats, name: 'taskchart-door' });
  const connection = await Connection.open(settings);
  opened.defer(() => connection.close());
  const onError = (err: unknown, request?: { subject: string }) =>
    log.error({ err, request }, request ? 'a request ran into an error' : 'the door for NATS is closed');
  return opened.use(await startNatsDoor(connection.nats, { service, prefix: settings.prefix, onError }));
}

import { withoutSecrets } from '../../../machines/step/index.ts';
import type { Backend } from '../../backends/index.ts';
import { sqliteBackend } from '../../backends/sqlite/index.ts';
import { type HttpDoor, startHttpDoor } from '../../http/index.ts';
import { type Service, startService } from '../../service/index.ts';
import { shopClient, shopOrderTask } from '../../shop/index.ts';
import { startLastingDemoShop } from '../demo-shop.ts';
import { type Log, logChange, logReport } from './log.ts';
import { loadTasks } from './own-tasks.ts';
import type { ServeSettings } from './settings.ts';

/** What `npm start` runs. */
export interface Serving {
  readonly url: string;
  /** Takes no new work, lets what runs come to its end for a bounded time, answers meanwhile, and closes all. */
  stop(): Promise<void>;
}

/**
 * Opens the door, then what is behind it, so that from the outside it can be seen that it starts.
 *
 * @throws {SettingsError} The module with the tasks cannot be taken.
 * @throws {FileInUseError} @throws {UnusableFileError}
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
  const backend = opened.use(await sqliteBackend({ file: settings.data }));
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
  running = { service, backend };
  log.info(
    {
      url: door.url,
      backend: backend.name,
      data: settings.data,
      shop: withoutSecrets(url),
      demo_shop: settings.shopUrl === undefined,
    },
    `Taskchart listens on ${door.url}`,
  );
  const parts = opened.move();
  return { url: door.url, stop: () => stop(service, door, parts, log) };
}

/** The door is closed once nothing runs any more, and before what it asks. */
async function stop(service: Service, door: HttpDoor, parts: AsyncDisposableStack, log: Log): Promise<void> {
  log.info('draining');
  const { handedBack } = await service.drain();
  await door.close();
  await parts.disposeAsync();
  log.info({ handed_back: handedBack }, 'drained');
}

/**
 * What `npm start` runs: the service and its doors. Made to be run, never imported. Exit codes are in its help.
 */
import {
  FileInUseError,
  InvalidOptionsError,
  RefusedError,
  UnavailableError,
  UnusableFileError,
} from '../../backends/index.ts';
import { StreamDifferenceError } from '../../backends/nats/index.ts';
import { onStopSignal } from '../../service/index.ts';
import { useProxies } from '../proxies.ts';
import { openLog } from './log.ts';
import { serve } from './serve.ts';
import { help, parseSettings, type ServeSettings } from './settings.ts';
import { SettingsError } from './settings-error.ts';

const exitCodes = { wrong: 1, settings: 2, port: 3, file: 4, nats: 5 } as const;

await main();

async function main(): Promise<void> {
  let settings: ServeSettings | 'help';
  try {
    settings = parseSettings(process.argv.slice(2), process.env);
  } catch (error) {
    return fail(error);
  }
  if (settings === 'help') process.stdout.write(help);
  else await run(settings);
}

async function run(settings: ServeSettings): Promise<void> {
  useProxies();
  const log = openLog();
  const starting = serve(settings, log);
  onStopSignal(async () => {
    try {
      await (await starting).stop();
      process.exit(0);
    } catch (error) {
      log.fatal({ err: error }, 'it could not stop in order');
      process.exit(exitCodes.wrong);
    }
  });
  try {
    await starting;
  } catch (error) {
    fail(error, settings);
  }
}

/** Says in a sentence why it does not start. */
function fail(error: unknown, settings?: ServeSettings): void {
  const [exitCode, sentence] = diagnosis(error, settings);
  console.error(sentence);
  process.exit(exitCode);
}

function diagnosis(
  error: unknown,
  settings: ServeSettings | undefined,
): [exitCode: number, sentence: string] {
  if (error instanceof SettingsError || error instanceof InvalidOptionsError) {
    return [exitCodes.settings, error.message];
  }
  if (error instanceof FileInUseError || error instanceof UnusableFileError) {
    return [exitCodes.file, `${error.message} (TASKCHART_DATA)`];
  }
  if (
    error instanceof RefusedError ||
    error instanceof UnavailableError ||
    error instanceof StreamDifferenceError
  ) {
    return [exitCodes.nats, `${error.message} (NATS_URL)`];
  }
  if (!(error instanceof Error)) return [exitCodes.wrong, String(error)];
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (settings && syscall !== undefined && ['listen', 'getaddrinfo'].includes(syscall)) {
    const { host, port } = settings.http;
    const where = `port ${port} of ${host}`;
    return [
      exitCodes.port,
      code === 'EADDRINUSE'
        ? `The ${where} is taken: stop what listens there, or set TASKCHART_PORT to another.`
        : `The ${where} cannot be listened on: ${error.message} (TASKCHART_PORT, TASKCHART_HOST)`,
    ];
  }
  return [exitCodes.wrong, error.stack ?? error.message];
}

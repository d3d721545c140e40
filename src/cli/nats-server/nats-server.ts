import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { natsBinary } from './nats-binary.ts';

export interface NatsServer extends AsyncDisposable {
  /** `nats://127.0.0.1:<port>`: stays the same over restarts. */
  readonly url: string;
  readonly port: number;
  /** Where it keeps its streams. */
  readonly folder: string;
  /** Ends it: in order (SIGTERM), or as a crash does (SIGKILL). Resolves when it is gone. */
  end(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Starts it again, on what it kept, once it has ended. Resolves when it is ready. */
  start(): Promise<void>;
  /** Stops it in its tracks, connections and all: until `thaw` it neither answers nor closes anything. Resolves once it stands. */
  freeze(): Promise<void>;
  thaw(): void;
}

export interface NatsServerOptions {
  /** More lines for its configuration: `max_payload: 65536`. */
  readonly configuration?: string;
  /** More of the `jetstream` block: `sync_interval: always` (from 2.10 on). */
  readonly jetstream?: string;
  /** Where it keeps its streams, which stay there when it is disposed of. @default a folder of its own, that goes with it */
  readonly store?: string;
}

/**
 * Starts a real nats-server with JetStream on a free port of this machine, in a folder of its own. Disposing of it ends it
 * and removes the folder.
 */
export async function startNatsServer({
  configuration = '',
  jetstream = '',
  store,
}: NatsServerOptions = {}): Promise<NatsServer> {
  const binary = await natsBinary();
  const folder = await mkdtemp(join(tmpdir(), 'taskchart-nats-'));
  const file = join(folder, 'nats.conf');
  let child: ChildProcess | undefined;
  /** Ends the server, and removes its folder, when this process ends, however that ends. */
  let watchdog: ChildProcess | undefined;
  let port = -1;

  const start = async (): Promise<void> => {
    await writeFile(
      file,
      `listen: "127.0.0.1:${port}"\njetstream { store_dir: "${store ?? join(folder, 'store')}"\n${jetstream} }\n${configuration}\n`,
    );
    child = spawn(binary, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    watchdog = spawn('sh', ['-c', 'read _; kill -9 "$0"; rm -rf "$1"', String(child.pid), folder], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    port = await ready(child, port);
  };
  const end = async (signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> => {
    const ending = child;
    child = undefined;
    watchdog?.kill('SIGKILL');
    watchdog = undefined;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
    const closed = once(ending, 'close');
    ending.kill(signal);
    // One that is stopped in its tracks hears no SIGTERM.
    ending.kill('SIGCONT');
    await closed;
  };

  const dispose = async (): Promise<void> => {
    await end('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    folder,
    end,
    start,
    freeze: async () => {
      child?.kill('SIGSTOP');
      // The system takes its time.
      while (child && !/\) T /.test(await readFile(`/proc/${child.pid}/stat`, 'utf8')));
    },
    thaw: () => {
      child?.kill('SIGCONT');
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** Waits until the server is ready. @returns Its port. @throws It ended before that: with what it said. */
async function ready(child: ChildProcess, port: number): Promise<number> {
  const said: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  if (!child.stderr) throw new Error('The server has no standard error.');
  let found = port;
  createInterface(child.stderr).on('line', (line) => {
    if (said.length < 100) said.push(line);
    const listening = /Listening for client connections on .*:(\d+)/.exec(line);
    if (listening) found = Number(listening[1]);
    if (line.includes('Server is ready')) resolve(found);
  });
  child.once('error', reject);
  child.once('close', () => reject(new Error(`nats-server ended at its start:\n${said.join('\n')}`)));
  return promise;
}

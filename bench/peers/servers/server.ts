import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';

/** A server of its own for one run of one system. Disposing of it ends it. */
export interface Server extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
}

export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Whom it runs as, where that is not who runs this. */
  readonly uid?: number | undefined;
  /** The line by which it says that it is ready. */
  readonly ready: RegExp;
  /** How it is asked to end. @default 'SIGTERM' */
  readonly endBy?: NodeJS.Signals;
}

const PATIENCE = 30_000;
const LINES_KEPT = 50;

/** Starts it and waits until it is ready. @throws It ended before, or was not ready in time: with what it said. */
export async function startServer(url: string, command: ServerCommand): Promise<Server> {
  const { uid, endBy = 'SIGTERM' } = command;
  const child = spawn(command.command, command.args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...command.env },
    ...(uid !== undefined && { uid, gid: uid, cwd: '/' }),
  });
  const kill = () => child.kill('SIGKILL');
  process.on('exit', kill);
  try {
    await isReady(child, command);
  } catch (error) {
    kill();
    process.off('exit', kill);
    throw error;
  }
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command.command} has no process.`);
  return {
    url,
    pid,
    async [Symbol.asyncDispose]() {
      process.off('exit', kill);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const closed = once(child, 'close');
      child.kill(endBy);
      const timer = setTimeout(kill, PATIENCE);
      await closed;
      clearTimeout(timer);
    },
  };
}

async function isReady(child: ChildProcess, { command, ready }: ServerCommand): Promise<void> {
  const said: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (what: string) => reject(new Error(`${command} ${what}. It said:\n${said.join('\n')}`));
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface(stream).on('line', (line) => {
      if (said.length < LINES_KEPT) said.push(line);
      if (ready.test(line)) resolve();
    });
  }
  child.once('error', reject);
  child.once('close', () => fail('ended at its start'));
  const timer = setTimeout(() => fail(`was not ready within ${PATIENCE} ms`), PATIENCE);
  await promise.finally(() => clearTimeout(timer));
}

/** A port of this machine that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

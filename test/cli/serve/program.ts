/** `npm start`, and other commands, as processes of their own, and what they say. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Arrivals } from '../../conformance/stand.ts';

const main = fileURLToPath(new URL('../../../src/cli/serve/main.ts', import.meta.url));

/** A line of its log. */
export type Line = Readonly<Record<string, unknown>> & { readonly msg: string };

/** Nothing of what the tests themselves were started with. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(TASKCHART_|SHOP_|NATS_)/.test(name)),
);

export function start(env: Record<string, string>, { args = [] }: { args?: string[] } = {}) {
  return run([process.execPath, main, ...args], { TASKCHART_PORT: '0', ...env });
}

/** Any command, with nothing of ours in its environment but what is given. */
export function run([command = '', ...args]: readonly string[], env: Record<string, string>) {
  const child = spawn(command, args, { env: { ...environment, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines = new Arrivals<Line>();
  const texts = new Arrivals<string>();
  let stdout = '';
  createInterface({ input: child.stdout }).on('line', (line) => {
    stdout += `${line}\n`;
    if (line.startsWith('{')) lines.push(JSON.parse(line));
    else texts.push(line);
  });
  let stderr = '';
  createInterface({ input: child.stderr }).on('line', (line) => {
    stderr += `${line}\n`;
    texts.push(line);
  });
  // Also where a test is given up, and does not come to its end.
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  const closed = once(child, 'close').then(([code, signal]) => {
    process.removeListener('exit', kill);
    return { code, signal, stdout, stderr };
  });
  return {
    child,
    /** Its log. */
    lines,
    /** What else it says. */
    texts,
    /** How it ended, once it has. */
    closed,
    /** Resolves with the next line of its log of which this is true. */
    async line(isIt: (line: Line) => boolean): Promise<Line> {
      for (;;) {
        const line = await Promise.race([lines.next(), closed]);
        if ('stderr' in line) throw new Error(`It ended before it said that: ${JSON.stringify(line)}`);
        if (isIt(line)) return line;
      }
    },
    /** Resolves with where it listens, once it does. */
    async url(): Promise<string> {
      return String((await this.line(({ url }) => url !== undefined)).url);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill('SIGKILL');
      await closed;
    },
  };
}

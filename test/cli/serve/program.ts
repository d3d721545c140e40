/** `npm start` as a process of its own, and what it says. */
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
  Object.entries(process.env).filter(([name]) => !/^(TASKCHART_|SHOP_URL|NATS_URL)/.test(name)),
);

export function start(
  env: Record<string, string>,
  { args = [], cwd }: { args?: string[]; cwd?: string } = {},
) {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...environment, TASKCHART_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd !== undefined && { cwd }),
  });
  const lines = new Arrivals<Line>();
  let stdout = '';
  createInterface({ input: child.stdout }).on('line', (line) => {
    stdout += `${line}\n`;
    if (line.startsWith('{')) lines.push(JSON.parse(line));
  });
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const closed = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }));
  return {
    child,
    lines,
    /** How it ended, once it has. */
    closed,
    /** Resolves with the next line of which this is true. */
    async line(isIt: (line: Line) => boolean): Promise<Line> {
      for (;;) {
        const line = await Promise.race([lines.next(), closed]);
        if ('stderr' in line) throw new Error(`It ended before it said that: ${JSON.stringify(line)}`);
        if (isIt(line)) return line;
      }
    },
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill('SIGKILL');
      await closed;
    },
    /** Resolves with where it listens, once it does. */
    async url(): Promise<string> {
      return String((await this.line(({ url }) => url !== undefined)).url);
    },
  };
}

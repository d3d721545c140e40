import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Arrivals } from '../../conformance/stand.ts';

const script = fileURLToPath(new URL('./program.ts', import.meta.url));

/**
 * Another process that does one of the things in `program.ts`, and what it says, line by line.
 *
 * @param shell What the shell is to set up before it, which it then becomes.
 */
export function start(what: string, file: string, shell?: string) {
  const command = [process.execPath, script, what, file];
  const [program = '', ...args] =
    shell === undefined ? command : ['/bin/sh', '-c', `${shell}; exec "$@"`, 'sh', ...command];
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = new Arrivals<string>();
  createInterface(child.stdout).on('line', lines.push);
  const closed = once(child, 'close');
  const end = async (): Promise<void> => {
    child.stdin.end();
    await closed;
  };
  return {
    lines,
    pid: child.pid,
    /** Ends as it likes to; resolves when it is gone and all that it said has been heard. */
    end,
    kill: async (): Promise<void> => {
      child.kill('SIGKILL');
      await closed;
    },
    [Symbol.asyncDispose]: end,
  };
}

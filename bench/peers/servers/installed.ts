import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What a program of this system says of its version; nothing if it is not there. */
export async function installedVersion(program: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(program, ['--version']);
    return /\d+\.\d+(\.\d+)?/.exec(stdout)?.[0];
  } catch {
    return undefined;
  }
}

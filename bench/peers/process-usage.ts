import { readdir, readFile } from 'node:fs/promises';

/** What a process and its children have used so far, as Linux tells in /proc. */
export interface Usage {
  /** In s. */
  readonly cpu: number;
  /** In MB; what several of them share is counted once. */
  readonly memory: number;
}

/** Of a clock tick, which is the same on every Linux that Node runs on. */
const TICKS = 100;

/** @returns Nothing used, where there is no process. */
export async function usageOf(pid: number | undefined): Promise<Usage> {
  if (pid === undefined) return { cpu: 0, memory: 0 };
  const stats = await allStats();
  const root = stats.get(pid);
  if (!root) throw new Error(`There is no process ${pid}.`);
  // Of children that have ended, the parent's own account tells.
  let ticks = root.ticks + root.ticksOfEnded;
  const pids = [pid];
  for (const parent of pids) {
    for (const [child, stat] of stats) {
      if (stat.parent !== parent) continue;
      pids.push(child);
      ticks += stat.ticks + stat.ticksOfEnded;
    }
  }
  const memory = await Promise.all(pids.map(memoryOf));
  return { cpu: ticks / TICKS, memory: memory.reduce((sum, each) => sum + each, 0) };
}

interface Stat {
  readonly parent: number;
  readonly ticks: number;
  readonly ticksOfEnded: number;
}

async function allStats(): Promise<Map<number, Stat>> {
  const pids = (await readdir('/proc')).map(Number).filter(Number.isInteger);
  const stats = new Map<number, Stat>();
  await Promise.all(
    pids.map(async (pid) => {
      const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
      if (text === undefined) return;
      // Behind the name, which may hold blanks and parentheses: state, parent, …, then the four times, from the 12th on.
      const fields = text
        .slice(text.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number);
      const [user = 0, kernel = 0, userOfEnded = 0, kernelOfEnded = 0] = fields.slice(11, 15);
      stats.set(pid, {
        parent: fields[1] ?? 0,
        ticks: user + kernel,
        ticksOfEnded: userOfEnded + kernelOfEnded,
      });
    }),
  );
  return stats;
}

async function memoryOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) / 1_024;
}

import { rmSync } from 'node:fs';
import { mkdtemp, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { draw, fraction } from '../../shop/demo/hash.ts';
import { startDemoShop } from '../../shop/demo/index.ts';
import { check, type Verdict } from './check.ts';
import { Customers, FAULTS } from './customers.ts';
import { ClockSetError } from './errors/clock-set-error.ts';
import { gather } from './evidence.ts';
import { Fleet } from './fleet.ts';
import { hurriedClock, realTime } from './hurried-clock.ts';
import { Life } from './life.ts';
import { natsSite } from './nats-site.ts';
import { type CrashResult, isWell, resultOf } from './result.ts';
import type { Site } from './site.ts';
import { sqliteSite } from './sqlite-site.ts';

export interface CrashSettings {
  readonly kills: number;
  readonly seed: number;
  /** @default 'sqlite' */
  readonly backend?: 'sqlite' | 'nats';
  /** @default 1 */
  readonly workers?: number;
  /** How many times the server that keeps the data is killed. @default 0 */
  readonly serverKills?: number;
  /** The program of a worker. @default worker.ts */
  readonly worker?: string;
  /** How long nothing may end, once nobody is killed any more, before what has not ended is given up as lost, in ms. @default 60_000 */
  readonly patience?: number;
  /** Whether the data of a run in which something was wrong is kept, to be looked at. @default true */
  readonly keep?: boolean;
}

export interface CrashRun {
  readonly result: CrashResult;
  readonly verdict: Verdict;
  /** Where the data is, if it was kept. */
  readonly folder: string;
}

/** How long a server lives, in ms. */
const SERVER_LIVES = { least: 2_000, most: 10_000 };

/** In ms: what is less lies between a call's answer and the commit of its result anyway. */
const CLOCK_TOLERANCE = 5;

/**
 * Orders and kills, then looks at what is left.
 *
 * The data is removed where all is well, and where the process is ended before that; else it stays.
 *
 * @throws {EndedByItselfError} A worker died that nobody killed. @throws {ClockSetError}
 */
export async function runCrash({
  kills,
  seed,
  backend = 'sqlite',
  workers = 1,
  serverKills = 0,
  worker = fileURLToPath(new URL('./worker.ts', import.meta.url)),
  patience = 60_000,
  keep = true,
}: CrashSettings): Promise<CrashRun> {
  const folder = await mkdtemp(join(tmpdir(), 'taskchart-crash-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  await using stack = new AsyncDisposableStack();
  const site = stack.use(backend === 'nats' ? await natsSite(folder) : sqliteSite(folder));
  const { place, hurry, rhythm, timeout, hanging } = site;
  const shop = stack.use(await startDemoShop({ faults: FAULTS, seed, clock: hurriedClock(hurry) }));
  const log = stack.use(await open(join(folder, 'workers.log'), 'a'));
  const belongings = { log: log.fd, cache: join(folder, 'code') };
  const start = (name: string) =>
    new Life(worker, { name, place, shop: shop.url, timeout, hurry }, belongings);
  const fleet = stack.use(new Fleet(start));
  const abandon = () => {
    // One that is frozen does not see its parent go.
    fleet.kill();
    remove();
  };
  process.once('exit', abandon);
  stack.defer(() => void process.removeListener('exit', abandon));
  const customers = new Customers({ fleet, door: site.door(fleet), seed, hanging });
  const drift = clockDrift();

  const ordering = customers.order();
  try {
    await Promise.all([fleet.torment({ workers, kills, seed, rhythm }), killServer(site, serverKills, seed)]);
  } finally {
    customers.stop();
  }
  await ordering;
  await Promise.race([customers.served(patience), fleet.failed]);
  await fleet.retire();

  const { orders } = customers;
  await using left = await site.read();
  const gathered = await gather(left, orders, (at) => realTime(hurry, at));
  const calls = shop.calls.map((call) => ({ ...call, started_at: realTime(hurry, call.started_at) }));
  if (Math.abs(drift()) > CLOCK_TOLERANCE) throw new ClockSetError(drift());
  const verdict = check({ ...gathered, orders, calls, kills: fleet.kills });
  const result = {
    ...resultOf(fleet.kills.length, orders.length, verdict),
    ...(backend === 'nats' && { server_kills: serverKills, freezes: fleet.freezes }),
  };
  if (isWell(result) || !keep) stack.defer(remove);
  return { result, verdict, folder };
}

/** Kills the server so many times, at random instants. */
async function killServer(site: Site, times: number, seed: number): Promise<void> {
  for (let n = 0; n < times; n += 1) {
    const [wait] = draw(`${seed} kills the server ${n}`);
    await sleep(SERVER_LIVES.least + fraction(wait) * (SERVER_LIVES.most - SERVER_LIVES.least));
    await site.killServer?.();
  }
}

/** How far the clock has been set since. */
function clockDrift(): () => number {
  // What comes between the two readings makes it less.
  const offset = () => Math.max(...Array.from({ length: 10 }, () => Date.now() - performance.now()));
  const before = offset();
  return () => offset() - before;
}

import { setTimeout as sleep } from 'node:timers/promises';
import { EndedByItselfError } from './errors/ended-by-itself-error.ts';
import type { Death, Life } from './life.ts';
import { type Kill, planKill, type Rhythm } from './rhythm.ts';

/** A process that was killed. */
export interface Killed {
  readonly life: string;
  /** In ms since the epoch. */
  readonly at: number;
}

/** How long a process takes to be ready where nothing else runs, in ms. */
const USUAL_START = 500;

interface Torment {
  readonly workers: number;
  readonly kills: number;
  readonly seed: number;
  readonly rhythm: Rhythm;
}

/**
 * The workers: kept alive, and killed.
 *
 * - A worker that dies is started again at once, on the same data.
 * - A kill counts if it was one: a process that drained before it was killed has just ended.
 */
export class Fleet implements AsyncDisposable {
  readonly kills: Killed[] = [];
  /** How many times one was frozen, and went on. */
  freezes = 0;
  readonly #spawn: (name: string) => Life;
  readonly #current: Life[] = [];
  readonly #failure = Promise.withResolvers<never>();
  #waiting = Promise.withResolvers<Life>();
  #turn = 0;
  /** How many times longer than usual a process takes here: where all is slow, lives must be long. */
  #slowness = 1;
  #isOver = false;

  /** @param spawn Starts a process of that name. */
  constructor(spawn: (name: string) => Life) {
    this.#spawn = spawn;
    // Nobody may be listening at the moment.
    this.#failure.promise.catch(() => {});
  }

  /** Starts the workers and kills them, so many times in all. Resolves when the last kill was made and all live again. */
  async torment({ workers, kills, seed, rhythm }: Torment): Promise<void> {
    let left = kills;
    const run = async (worker: number): Promise<void> => {
      for (let n = 0; ; n += 1) {
        const life = this.#start(worker, n);
        if (left === 0) {
          // The kill that another worker may be given back is its own.
          void life.died.then((death) => this.#isOver || this.fail(new EndedByItselfError(life.name, death)));
          return;
        }
        left -= 1;
        const plan = planKill(seed, worker, n, rhythm);
        const death = await this.#carryOut(plan, life);
        if (death.signal === 'SIGKILL') this.kills.push({ life: life.name, at: death.at });
        else if (plan.when === 'draining' && death.code === 0) left += 1;
        else throw new EndedByItselfError(life.name, death);
      }
    };
    await Promise.race([
      Promise.all(Array.from({ length: workers }, (_, worker) => run(worker))),
      this.failed,
    ]);
  }

  /** Rejects when the run cannot go on: a worker has ended that should live, say. */
  get failed(): Promise<never> {
    return this.#failure.promise;
  }

  fail(error: unknown): void {
    this.#failure.reject(error);
  }

  /** One that takes orders; they take turns. */
  async ready(): Promise<Life> {
    const ready = this.#current.filter((life) => life.isReady);
    this.#turn += 1;
    return ready[this.#turn % ready.length] ?? this.#waiting.promise;
  }

  /** Asks all to end. @throws {EndedByItselfError} One did not end as it should. */
  async retire(): Promise<void> {
    this.#isOver = true;
    for (const life of this.#current) if (await life.ready) life.terminate();
    for (const life of this.#current) {
      const death = await life.died;
      if (death.code !== 0) throw new EndedByItselfError(life.name, death);
    }
  }

  /** Kills all, for good. */
  kill(): void {
    this.#isOver = true;
    for (const life of this.#current) life.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await Promise.all(this.#current.map(({ died }) => died));
  }

  #start(worker: number, n: number): Life {
    const life = this.#spawn(`w${worker + 1}.${n + 1}`);
    this.#current[worker] = life;
    void life.ready.then((isReady) => {
      if (!isReady) return;
      this.#waiting.resolve(life);
      this.#waiting = Promise.withResolvers();
    });
    return life;
  }

  async #carryOut(plan: Kill, life: Life): Promise<Death> {
    if (plan.when !== 'starting') {
      if (!(await life.ready)) return life.died;
      this.#slowness = Math.max(1, (Date.now() - life.since) / USUAL_START);
    }
    await sleep(plan.after * this.#slowness);
    if (plan.when === 'draining') {
      life.terminate();
      await sleep(plan.grace);
    } else if (plan.when === 'frozen') {
      life.freeze();
      this.freezes += 1;
      await sleep(plan.frozen);
      life.thaw();
      await sleep(plan.thawed * this.#slowness);
    }
    life.kill();
    return life.died;
  }
}

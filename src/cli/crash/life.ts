import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { DiedError } from './errors/died-error.ts';
import { type Answer, type Assignment, answerSchema, type Question } from './messages.ts';

/** How a process came to its end. */
export interface Death {
  /** In ms since the epoch: when it was killed, or else when that it had ended was heard. */
  readonly at: number;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * One process of a worker, from its start to its death.
 *
 * - A question is answered, or fails with the death of the process: nobody waits for the dead.
 */
export class Life {
  readonly name: string;
  /** In ms since the epoch. */
  readonly since = Date.now();
  /** Resolves once it takes orders; whether it lived to. */
  readonly ready: Promise<boolean>;
  readonly died: Promise<Death>;
  readonly #child: ChildProcess;
  readonly #asked = new Map<number, PromiseWithResolvers<void>>();
  readonly #ready = Promise.withResolvers<boolean>();
  #questions = 0;
  #killedAt: number | undefined;
  #isReady = false;
  #isEnding = false;
  #isDead = false;

  /**
   * @param log An open file for what it has to say.
   * @param cache The folder in which processes keep their compiled code for those after them: most of their start is that.
   */
  constructor(script: string, assignment: Assignment, { log, cache }: { log: number; cache: string }) {
    this.name = assignment.name;
    this.#child = fork(script, [JSON.stringify(assignment)], {
      stdio: ['ignore', log, log, 'ipc'],
      env: { ...process.env, NODE_COMPILE_CACHE: cache },
    });
    this.#child.on('message', (message) => this.#hear(answerSchema.parse(message)));
    // What cannot be sent is sent to a dead process: that is told by its end.
    this.#child.on('error', () => {});
    this.ready = this.#ready.promise;
    this.died = this.#end();
  }

  get isReady(): boolean {
    return this.#isReady && !this.#isDead;
  }

  /** It was asked to end, so it may refuse what it is asked. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** @throws {DiedError} It did not live to answer: unknown. @throws What it answered went wrong. */
  ask(question: Omit<Question, 'number'>): Promise<void> {
    const asked = Promise.withResolvers<void>();
    if (this.#isDead) asked.reject(new DiedError(this.name));
    else {
      const number = ++this.#questions;
      this.#asked.set(number, asked);
      this.#child.send({ ...question, number } satisfies Question, () => {});
    }
    return asked.promise;
  }

  kill(): void {
    this.#killedAt ??= Date.now();
    this.#child.kill('SIGKILL');
  }

  /** Stops it in its tracks, until it is thawed: it neither works nor answers, and does not know it. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  /** Asks it to end by itself. */
  terminate(): void {
    this.#isEnding = true;
    this.#child.kill('SIGTERM');
  }

  #hear(answer: Answer): void {
    if (answer === 'ready') {
      this.#isReady = true;
      this.#ready.resolve(true);
      return;
    }
    const asked = this.#asked.get(answer.number);
    this.#asked.delete(answer.number);
    if (answer.error === undefined) asked?.resolve();
    else asked?.reject(new Error(`${this.name} answered: ${answer.error}`));
  }

  async #end(): Promise<Death> {
    const [code, signal] = await once(this.#child, 'exit');
    this.#isDead = true;
    this.#ready.resolve(false);
    for (const asked of this.#asked.values()) asked.reject(new DiedError(this.name));
    this.#asked.clear();
    return { at: (signal === 'SIGKILL' && this.#killedAt) || Date.now(), code, signal };
  }
}

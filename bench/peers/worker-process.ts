import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Answer, Ask, WorkerTask } from './messages.ts';

const program = fileURLToPath(new URL('./worker.ts', import.meta.url));

/** A worker process, to be asked one thing at a time. Disposing of it ends it. */
export class WorkerProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #name: string;

  private constructor(child: ChildProcess, name: string) {
    this.#child = child;
    this.#name = name;
  }

  /** Resolves once its engine is open. @throws It could not be opened: it has said why. */
  static async start(task: WorkerTask): Promise<WorkerProcess> {
    const child = fork(program, [JSON.stringify(task)], {
      serialization: 'advanced',
      env: { ...process.env, NODE_ENV: 'production', RESTATE_LOGGING: 'WARN' },
      // Standard output is the table's.
      stdio: ['ignore', 2, 'inherit', 'ipc'],
    });
    const worker = new WorkerProcess(child, task.name);
    await worker.#next('ready');
    return worker;
  }

  async ask<Type extends Answer['type']>(ask: Ask, answer: Type): Promise<Extract<Answer, { type: Type }>> {
    const answered = this.#next(answer);
    this.#child.send(ask);
    return answered;
  }

  /** Lets it close its engine, and waits until it is gone. */
  async end(): Promise<void> {
    const gone = once(this.#child, 'exit');
    await this.ask({ type: 'end' }, 'ended');
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'exit');
    child.kill('SIGKILL');
    await closed;
  }

  async #next<Type extends Answer['type']>(type: Type): Promise<Extract<Answer, { type: Type }>> {
    const over = new AbortController();
    const { signal } = over;
    const ended = once(this.#child, 'exit', { signal }).then(([code, by]) => {
      throw new Error(`The worker ${this.#name} ended before it was "${type}" (${code ?? by})`);
    });
    // The other of the two is given up.
    ended.catch(() => {});
    try {
      const [message] = await Promise.race([once(this.#child, 'message', { signal }), ended]);
      const answer = message as Answer;
      if (answer.type === type) return answer as Extract<Answer, { type: Type }>;
      const why = answer.type === 'failed' ? answer.error : `it answered "${answer.type}"`;
      throw new Error(`The worker ${this.#name} was asked for "${type}": ${why}`);
    } finally {
      over.abort();
    }
  }
}

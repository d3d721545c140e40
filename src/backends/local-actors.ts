/**
 * Asks within one process: whoever runs a task of this backend runs it here.
 *
 * Invariants:
 * - What is asked and answered goes over as JSON text: nothing is shared by reference (B4).
 * - Of several that answer for a task, the one that came last is asked.
 */
import type { Clock } from '../../machines/clock.ts';
import { answerText, askText } from './arguments.ts';
import { AnswerError } from './errors/answer-error.ts';
import { UnavailableError } from './errors/unavailable-error.ts';
import type { Lifetime } from './lifetime.ts';
import { assertForm } from './names.ts';
import type { Actors, Answer, Json } from './port.ts';

/** How long an answer is waited for, in ms. */
export const ASK_TIMEOUT = 1_000;

interface Settings {
  readonly clock: Clock;
  readonly maxMessageBytes: number;
}

export class LocalActors implements Actors {
  readonly #settings: Settings;
  readonly #lifetime: Lifetime;
  readonly #answers = new Map<string, Set<Answer>>();
  /** What ends each ask that is under way. */
  readonly #asks = new Set<(error: Error) => void>();

  constructor(settings: Settings, lifetime: Lifetime) {
    this.#settings = settings;
    this.#lifetime = lifetime;
    lifetime.subscription(async () => {
      this.#answers.clear();
      const closed = new UnavailableError('actors.ask', { cause: 'the backend was closed' });
      for (const end of this.#asks) end(closed);
    });
  }

  answer(taskId: string, answer: Answer): Disposable {
    this.#lifetime.assertOpen('actors.answer');
    assertForm('taskId', taskId, 'taskId');
    // A function of its own, should the same one answer twice.
    const own: Answer = (ask) => answer(ask);
    const answers = this.#answers.get(taskId) ?? new Set();
    this.#answers.set(taskId, answers.add(own));
    return {
      [Symbol.dispose]: () => {
        answers.delete(own);
        if (answers.size === 0 && this.#answers.get(taskId) === answers) this.#answers.delete(taskId);
      },
    };
  }

  async ask(taskId: string, ask: Json): Promise<{ readonly answer: Json } | undefined> {
    this.#lifetime.assertOpen('actors.ask');
    const text = askText(taskId, ask, this.#settings);
    const { clock } = this.#settings;
    const outcome = Promise.withResolvers<{ answer: Json } | undefined>();
    const late = clock.setTimeout(
      () => outcome.reject(new UnavailableError('actors.ask', { cause: 'no answer in time' })),
      ASK_TIMEOUT,
    );
    this.#asks.add(outcome.reject);
    setImmediate(() => this.#answer(taskId, text).then(outcome.resolve, outcome.reject));
    try {
      return await outcome.promise;
    } finally {
      clock.clearTimeout(late);
      this.#asks.delete(outcome.reject);
    }
  }

  async #answer(taskId: string, text: string): Promise<{ answer: Json } | undefined> {
    const answer = [...(this.#answers.get(taskId) ?? [])].at(-1);
    if (!answer) return undefined;
    try {
      return { answer: JSON.parse(answerText(await answer(JSON.parse(text)), this.#settings)) };
    } catch (error) {
      throw new AnswerError(taskId, error);
    }
  }
}

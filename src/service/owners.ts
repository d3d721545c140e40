import { z } from 'zod';
import { type Actors, type Json, TooLargeError, UnavailableError } from '../backends/index.ts';

/** What a process is asked about a task that it runs. */
const askSchema = z.object({
  /** The task is to have it. Without one it is only asked whether it runs there. */
  event: z.object({ type: z.string() }).loose().optional(),
  eventId: z.string().optional(),
});

/** What it says. */
const answerSchema = z.object({
  /** Whether it runs there, and has the event. */
  runs: z.boolean(),
});

/** A task that lives in this process. */
interface Resident {
  send(event: { type: string }, eventId?: string): Promise<boolean>;
}

/**
 * What the processes that run tasks ask each other.
 *
 * - A process that is given a task to which another answers gives way, and hands it what came for it.
 * - It is a hint: who does not answer in time may run it all the same, and is stopped by the journal.
 */
export class Owners {
  readonly #actors: Actors;

  constructor(actors: Actors) {
    this.#actors = actors;
  }

  /** Answers for a task, until disposed of. */
  answer(taskId: string, task: Resident): Disposable {
    return this.#actors.answer(taskId, async (ask) => {
      const { event, eventId } = askSchema.parse(ask);
      return { runs: !event || (await task.send(event, eventId)) };
    });
  }

  /** Whether a process says that it runs the task. @throws {AnswerError} */
  runs(taskId: string): Promise<boolean> {
    return this.#ask(taskId, {});
  }

  /** Hands an event to whoever runs the task. @returns Whether it has it, as lasting as itself. @throws {AnswerError} */
  pass(taskId: string, event: Json, eventId: string): Promise<boolean> {
    return this.#ask(taskId, { event, eventId });
  }

  async #ask(taskId: string, ask: Json): Promise<boolean> {
    try {
      const asked = await this.#actors.ask(taskId, ask);
      return asked !== undefined && answerSchema.parse(asked.answer).runs;
    } catch (error) {
      // What the inbox just took may be too large for an ask, which holds more than the event.
      if (error instanceof UnavailableError || error instanceof TooLargeError) return false;
      throw error;
    }
  }
}

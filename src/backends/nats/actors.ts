/**
 * Invariants:
 * - Who answers for a task listens on its subject, over this connection: where nobody does, the server says so at once.
 * - Of several that answer for a task, in this process or others, the server chooses one an ask.
 */
import { answerText, askText } from '../arguments.ts';
import { AnswerError } from '../errors/answer-error.ts';
import type { Lifetime } from '../lifetime.ts';
import { ASK_TIMEOUT } from '../local-actors.ts';
import { assertForm } from '../names.ts';
import type { Actors, Answer, Json } from '../port.ts';
import { status } from './codes.ts';
import type { Connection } from './connection.ts';
import type { NatsSettings } from './options.ts';
import { assertPayload } from './payload.ts';

/** What goes back to the asker. */
type Reply = { readonly answer: Json } | { readonly error: string };

/** All that answer for a task are one group, of which the server chooses. */
const GROUP = 'actor';

export class NatsActors implements Actors {
  readonly #connection: Connection;
  readonly #settings: NatsSettings;
  readonly #lifetime: Lifetime;

  constructor(connection: Connection, settings: NatsSettings, lifetime: Lifetime) {
    this.#connection = connection;
    this.#settings = settings;
    this.#lifetime = lifetime;
  }

  answer(taskId: string, answer: Answer): Disposable {
    this.#lifetime.assertOpen('actors.answer');
    assertForm('taskId', taskId, 'taskId');
    const listening = this.#connection.nats.subscribe(this.#subjectOf(taskId), {
      queue: GROUP,
      callback: async (_error, message) => {
        const reply = await this.#reply(answer, message.string());
        // Closed meanwhile: the asker hears nothing, which says nothing.
        if (this.#lifetime.isOpen) message.respond(reply);
      },
    });
    return { [Symbol.dispose]: () => listening.unsubscribe() };
  }

  async ask(taskId: string, ask: Json): Promise<{ readonly answer: Json } | undefined> {
    this.#lifetime.assertOpen('actors.ask');
    const text = askText(taskId, ask, this.#settings);
    assertPayload('ask', text, this.#connection.maxPayload);
    const reply = await this.#connection.request('actors.ask', this.#subjectOf(taskId), text, {
      timeout: ASK_TIMEOUT,
    });
    if (reply.headers?.code === status.noResponders) return undefined;
    const said = reply.json<Reply>();
    if ('error' in said) throw new AnswerError(taskId, said.error);
    return said;
  }

  async #reply(answer: Answer, ask: string): Promise<string> {
    try {
      const text = answerText(await answer(JSON.parse(ask)), this.#settings);
      assertPayload('answer', text, this.#connection.maxPayload);
      return `{"answer":${text}}`;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return JSON.stringify({ error: reason } satisfies Reply);
    }
  }

  #subjectOf(taskId: string): string {
    return `${this.#settings.prefix}.actor.${taskId}`;
  }
}

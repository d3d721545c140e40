import type { Msg } from 'nats';
import { z } from 'zod';
import { RequestError, taskIdSchema } from '../../machines/task/index.ts';
import { submitAnswer, taskAnswer } from '../doors/index.ts';
import { type Service, type TaskHandle, TaskNotFoundError } from '../service/index.ts';
import { readJson } from './json.ts';

/** Something that may be asked for by request and reply. */
export interface Endpoint {
  /** What comes behind its name in the subject. */
  readonly tail: readonly string[];
  /** @throws What `problemOf` makes a problem of. */
  readonly answer: (service: Service, message: Msg) => Promise<object>;
}

/** By name, which is the token behind the prefix. */
export const endpoints = {
  submit: {
    tail: [],
    answer: async (service, { data }) => submitAnswer(await service.submit(readJson(data))),
  },
  status: {
    tail: ['*'],
    answer: async (service, message) => taskAnswer(await taskOf(service, message)),
  },
  send: {
    tail: ['*'],
    answer: async (service, message) => {
      const event = readJson(message.data);
      const task = await taskOf(service, message);
      const eventId = eventIdOf(message);
      await task.send(event, eventId === undefined ? {} : { eventId });
      const { status } = await task.view();
      return { id: task.id, status };
    },
  },
} as const satisfies Record<string, Endpoint>;

/** @throws {TaskNotFoundError} */
async function taskOf(service: Service, { subject }: Msg): Promise<TaskHandle> {
  const id = subject.split('.').at(-1) ?? '';
  // What can be no id is no task's.
  if (!taskIdSchema.safeParse(id).success) throw new TaskNotFoundError(id);
  return service.task(id);
}

const EVENT_ID = 'Nats-Msg-Id';
const eventIdSchema = z.string().regex(/^\P{Cc}{1,256}$/u);

/** The sender's id of an event: sent again under it, it is the same. @throws {RequestError} */
function eventIdOf(message: Msg): string | undefined {
  const given = headerOf(message, EVENT_ID);
  if (!given) return undefined;
  const { data: id } = eventIdSchema.safeParse(given);
  if (id !== undefined) return id;
  const expectation = `expected 1 to 256 characters, none of them a control character`;
  throw new RequestError(undefined, [{ path: EVENT_ID, message: expectation }]);
}

/** A block of headers may hold anything, also what is none. */
function headerOf(message: Msg, name: string): string | undefined {
  try {
    return message.headers?.get(name);
  } catch {
    return undefined;
  }
}

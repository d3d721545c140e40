import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { RequestError, taskIdSchema } from '../../../machines/task/index.ts';
import { type ActionOptions, type Service, type TaskHandle, TaskNotFoundError } from '../../service/index.ts';

const paramsSchema = z.object({ id: z.string() });

/** The header by which a sender names an action: sent again under it, it is taken once (draft-ietf-httpapi-idempotency-key-header). */
const KEY = 'idempotency-key';
const keySchema = z.string().regex(/^\P{Cc}{1,256}$/u);

/** What may be done to every task; each is the event `task.<action>`, whose other fields are the body. */
const ACTIONS = ['cancel', 'pause', 'resume', 'retry', 'resolve'] as const;

/** Send tasks events, and act on them; and read all that came to them. @param service Throws while there is none. */
export function actionRoutes(app: FastifyInstance, service: () => Service): void {
  app.post('/tasks/:id/events', async ({ params, body, headers }, reply) => {
    const task = await taskOf(service(), params);
    await task.send(body, optionsIn(headers));
    return reply.code(202).send(await standing(task));
  });

  for (const action of ACTIONS) {
    app.post(`/tasks/:id/${action}`, async ({ params, body, headers }, reply) => {
      const task = await taskOf(service(), params);
      await task.send({ ...fieldsIn(task, body), type: `task.${action}` }, optionsIn(headers));
      return reply.code(202).send(await standing(task));
    });
  }

  app.get('/tasks/:id/journal', async ({ params }) => {
    const task = await taskOf(service(), params);
    return { id: task.id, entries: await task.journal() };
  });
}

async function taskOf(service: Service, params: unknown): Promise<TaskHandle> {
  const { id } = paramsSchema.parse(params);
  if (!taskIdSchema.safeParse(id).success) throw new TaskNotFoundError(id);
  return service.task(id);
}

async function standing(task: TaskHandle): Promise<{ id: string; status: string }> {
  const { id, status } = await task.view();
  return { id, status };
}

/** An action needs no body. @throws {RequestError} It has one that is no object. */
function fieldsIn(task: TaskHandle, body: unknown): object {
  if (body === undefined || body === null) return {};
  if (typeof body === 'object' && !Array.isArray(body)) return body;
  throw new RequestError(task.name, [{ path: 'body', message: 'expected an object, or no body' }]);
}

/** @throws {RequestError} The key is none. */
function optionsIn(headers: Readonly<Record<string, string | string[] | undefined>>): ActionOptions {
  const given = headers[KEY];
  if (given === undefined) return {};
  const { data: eventId } = keySchema.safeParse(given);
  if (eventId !== undefined) return { eventId };
  throw new RequestError(undefined, [
    { path: 'Idempotency-Key', message: 'expected 1 to 256 characters, none of them a control character' },
  ]);
}

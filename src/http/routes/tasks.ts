import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { taskIdSchema } from '../../../machines/task/index.ts';
import { submitAnswer, taskAnswer } from '../../doors/index.ts';
import { type Service, TaskNotFoundError } from '../../service/index.ts';

const paramsSchema = z.object({ id: z.string() });

/** Ask for tasks, and look at them. @param service Throws while there is none. */
export function taskRoutes(app: FastifyInstance, service: () => Service): void {
  app.post('/tasks', async ({ body }, reply) => {
    const task = await service().submit(body);
    const answer = await submitAnswer(task);
    return reply
      .code(answer.duplicate ? 200 : 202)
      .header('location', `/tasks/${answer.id}`)
      .send(answer);
  });

  app.get('/tasks/:id', async ({ params }) => {
    const { id } = paramsSchema.parse(params);
    // What can be no id is no task's.
    if (!taskIdSchema.safeParse(id).success) throw new TaskNotFoundError(id);
    return taskAnswer(await service().task(id));
  });
}

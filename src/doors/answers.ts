import type { TaskRequest } from '../../machines/task/index.ts';
import type { TaskHandle, TaskView } from '../service/index.ts';

/** What every door answers to whoever asks for a task. */
export interface SubmitAnswer {
  readonly id: string;
  readonly status: TaskView['status'];
  /** The same request came before: nothing new was started. */
  readonly duplicate: boolean;
}

/** What every door shows of a task: how it stands, and what it was asked for with. */
export interface TaskAnswer extends TaskView, Omit<TaskRequest, 'id' | 'name'> {}

export async function submitAnswer(task: TaskHandle): Promise<SubmitAnswer> {
  const { id, duplicate } = task;
  return { id, status: duplicate ? (await task.view()).status : 'pending', duplicate };
}

export async function taskAnswer(task: TaskHandle): Promise<TaskAnswer> {
  const { id, name, version, status, steps, output, error } = await task.view();
  const { id: _, name: __, context, ...request } = task.request;
  return {
    ...{ id, name, version, status, steps, context },
    ...(output !== undefined && { output }),
    ...(error && { error }),
    ...request,
  };
}

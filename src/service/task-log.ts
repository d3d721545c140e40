import { z } from 'zod';
import { type TaskRequest, taskRequestSchema } from '../../machines/task/index.ts';
import type { Journal } from '../backends/index.ts';
import type { TaskView } from './task-view.ts';

/**
 * What the service writes into a task's journal: the request, which makes the task exist, and how it ended, which
 * closes it. What lies between is made durable by `src/durable`.
 */
const requestedSchema = z.object({ type: z.literal('task.requested'), request: taskRequestSchema });
const endedSchema = z.object({ type: z.literal('task.ended'), view: z.custom<TaskView>() });
export const logEntrySchema = z.discriminatedUnion('type', [requestedSchema, endedSchema]);

/** A task's past, as far as its journal tells. */
export interface TaskPast {
  readonly request: TaskRequest;
  /** How it ended; nothing while it has not. */
  readonly ended?: TaskView;
  /** The sequence of the last commit. */
  readonly sequence: number;
}

/** @returns `undefined` for a task that was never asked for. */
export async function readPast(journal: Journal, taskId: string): Promise<TaskPast | undefined> {
  let past: TaskPast | undefined;
  for await (const { entries, sequence, closing } of journal.read(taskId)) {
    for (const entry of entries) {
      const read = logEntrySchema.parse(entry);
      if (read.type === 'task.requested') past = { request: read.request, sequence };
      else if (past && closing) past = { ...past, ended: read.view, sequence };
    }
  }
  return past;
}

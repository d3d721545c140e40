import { z } from 'zod';
import { TASK_STATUSES } from '../../machines/status.ts';
import type { Change } from '../../machines/task/index.ts';
import type { Json, OutgoingMessage } from '../backends/index.ts';

/**
 * A task changed: a CloudEvent 1.0, on the subject `taskchart.events.<task>.<id>`. Watchers, streams and lists are fed by it.
 * There is one for all that followed from one thing that came in.
 */
export const changeEventSchema = z.object({
  specversion: z.literal('1.0'),
  /** `<task id>/<entry>/<n>`: the entry of the journal that it followed from, counted from 1, and which message since then, from 0. */
  id: z.string(),
  source: z.literal('/taskchart'),
  type: z.literal('task.changed'),
  /** The task's id. */
  subject: z.string(),
  time: z.iso.datetime(),
  datacontenttype: z.literal('application/json'),
  data: z.object({
    name: z.string(),
    version: z.string(),
    /** How the task stands now. */
    status: z.enum(TASK_STATUSES),
    /** What changed: steps, each as it stands now, and last the task itself. */
    changes: z.array(z.custom<PublishedChange>()),
  }),
});

/** A change as it is told. An output that is too large for the bus is left out; then its size is said instead. */
export type PublishedChange = Change & {
  /** In bytes of JSON text. The output itself is in the task's result. */
  readonly output_omitted?: number;
};

export type ChangeEvent = z.output<typeof changeEventSchema>;

export function changeSubject(name: string, taskId: string): string {
  return `taskchart.events.${name}.${taskId}`;
}

/** @param task.time ms since the epoch. */
export function changeMessage(
  task: { id: string; entry: number; n: number; time: number },
  data: ChangeEvent['data'],
): OutgoingMessage {
  const event: ChangeEvent = {
    specversion: '1.0',
    id: `${task.id}/${task.entry}/${task.n}`,
    source: '/taskchart',
    type: 'task.changed',
    subject: task.id,
    time: new Date(task.time).toISOString(),
    datacontenttype: 'application/json',
    data,
  };
  return { subject: changeSubject(data.name, task.id), id: event.id, body: event as unknown as Json };
}

/** The same message under the next number. */
export function toldAgain(message: OutgoingMessage): OutgoingMessage {
  const event = message.body as unknown as ChangeEvent;
  const id = event.id.replace(/\d+$/, (n) => String(Number(n) + 1));
  return { ...message, id, body: { ...event, id } as unknown as Json };
}

/** The same message without the output that it carries; nothing if it carries none. */
export function withoutOutput(message: OutgoingMessage): OutgoingMessage | undefined {
  const event = message.body as unknown as ChangeEvent;
  if (!event.data.changes.some((change) => 'output' in change)) return undefined;
  const changes = event.data.changes.map((change): PublishedChange => {
    if (!('output' in change)) return change;
    const { output, ...rest } = change;
    return { ...rest, output_omitted: Buffer.byteLength(JSON.stringify(output)) };
  });
  return { ...message, body: { ...event, data: { ...event.data, changes } } as unknown as Json };
}

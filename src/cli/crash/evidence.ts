import { z } from 'zod';
import { orderCreatedSchema, orderIdOf } from '../../../machines/order/index.ts';
import type { Backend, IncomingMessage, Json, StoredCommit } from '../../backends/index.ts';
import { changeEventSchema, type TaskView } from '../../service/index.ts';
import type { DemoExpectation, ShopCall } from '../../shop/demo/index.ts';
import { signatureOf } from './backends.ts';
import type { Killed } from './fleet.ts';

/** An order that was acknowledged. */
export interface Ordered {
  readonly id: string;
  readonly cartId: number;
  readonly expect: DemoExpectation;
}

/** What the check looks at in a commit of a task's journal. */
export interface TraceCommit {
  readonly at: number;
  /** Which process wrote it. */
  readonly life: string;
  /** The steps whose results became durable with it. */
  readonly results: readonly string[];
  /** How the task ended, where it did with this. */
  readonly ended?: TaskView;
}

/** All that a run leaves behind, gathered when nothing moves any more. */
export interface Evidence {
  readonly orders: readonly Ordered[];
  /** By task, in order. */
  readonly traces: ReadonlyMap<string, readonly TraceCommit[]>;
  /** What the shop was asked; the agent is the process that asked. */
  readonly calls: readonly Pick<ShopCall, 'key' | 'agent' | 'started_at'>[];
  /** By task: the order that is kept. */
  readonly records: ReadonlyMap<string, Json>;
  /** By task: the orders in its `order.created` events. */
  readonly created: ReadonlyMap<string, readonly Json[]>;
  /** By task: the status that was told of last. */
  readonly told: ReadonlyMap<string, string>;
  readonly kills: readonly Killed[];
}

/**
 * Reads what a backend knows of the orders.
 *
 * @param realTime The machine's time at one of the backend's.
 */
export async function gather(
  backend: Backend,
  orders: readonly Ordered[],
  realTime: (at: number) => number,
): Promise<Pick<Evidence, 'traces' | 'records' | 'created' | 'told'>> {
  const traces = new Map<string, TraceCommit[]>();
  const records = new Map<string, Json>();
  for (const { id } of orders) {
    const trace: TraceCommit[] = [];
    for await (const commit of backend.journal.read(id)) {
      trace.push({ ...traceOf(commit), at: realTime(commit.at) });
    }
    traces.set(id, trace);
    const record = await backend.records.read(`orders.${orderIdOf(id)}`);
    if (record !== undefined) records.set(id, record);
  }
  const created = new Map<string, Json[]>();
  for (const { body } of await everything(backend, 'orders.created')) {
    const { id, data } = orderCreatedSchema.parse(body);
    const [task = ''] = id.split('/');
    created.set(task, [...(created.get(task) ?? []), data]);
  }
  const told = new Map<string, string>();
  for (const { body } of await everything(backend, 'taskchart.events.order')) {
    const { subject, data } = changeEventSchema.parse(body);
    told.set(subject, data.status);
  }
  return { traces, records, created, told };
}

/** An entry whose large values are kept as blobs stands in a frame. */
const framedSchema = z.object({ $blobs: z.unknown(), entry: z.json() });
const resultSchema = z.object({ type: z.literal('resolved'), of: z.string() });
const endedSchema = z.object({ type: z.literal('task.ended'), view: z.custom<TaskView>() });

function traceOf({ writer, entries }: StoredCommit): Omit<TraceCommit, 'at'> {
  const bare = entries.map((entry) => framedSchema.safeParse(entry).data?.entry ?? entry);
  const results = bare.flatMap((entry) => {
    const { data } = resultSchema.safeParse(entry);
    // The address of an attempt that is not the first has its number behind it.
    return data ? data.of.split('#', 1) : [];
  });
  const ended = bare.map((entry) => endedSchema.safeParse(entry).data?.view).find((view) => view);
  return { life: signatureOf(writer), results, ...(ended && { ended }) };
}

/** All that stands under a prefix: what was published before a marker is heard before it. */
async function everything(backend: Backend, prefix: string): Promise<IncomingMessage[]> {
  const marker = `${prefix}.marker`;
  const messages: IncomingMessage[] = [];
  const heard = Promise.withResolvers<void>();
  await using _subscription = await backend.events.subscribe(`${prefix}.>`, { start: 'all' }, (message) => {
    if (message.subject === marker) heard.resolve();
    else messages.push(message);
  });
  await backend.events.publish({ subject: marker, id: marker, body: null });
  await heard.promise;
  return messages;
}

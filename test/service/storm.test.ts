import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assign, setup } from 'xstate';
import { z } from 'zod';
import { defineTask } from '../../machines/task/index.ts';
import { type Backend, type Commit, UnavailableError } from '../../src/backends/index.ts';
import {
  type ChangeEvent,
  emptyView,
  type RunnableTask,
  type Service,
  type TaskView,
  withChanges,
} from '../../src/service/index.ts';
import { refuseStrayErrors } from '../machines/supervisor/stray-errors.ts';
import { charted, deliveryWith, openStand, type Stand, soFar } from './stand.ts';

refuseStrayErrors();

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const STEPS = ['first', 'second', 'third'];
type Body = { readonly type: string; readonly [field: string]: unknown };

/** How an attempt goes, by turns: at once, after a while, not at all. */
type Attempt = 'now' | 'later' | 'fails';

/** What is seen from outside: what the journals hold as it becomes durable, and what is done. */
class Watch {
  /** By task, the steps of its fold whose result is durable. */
  readonly #resolved = new Map<string, Set<string>>();
  /** By task, how often each event is in its journal, and whether it ever ended. */
  readonly events = new Map<string, Map<string, number>>();
  readonly ended = new Set<string>();
  readonly wrongs: string[] = [];
  calls = 0;
  readonly #commits = new Set<string>();

  stored(taskId: string, { id, entries }: Commit): void {
    if (this.#commits.has(id)) return;
    this.#commits.add(id);
    for (const entry of entries as unknown as Record<string, unknown>[]) {
      const { type } = entry;
      if (type === 'task.restarted')
        this.#resolved.set(taskId, new Set(Object.keys(entry.results as object)));
      if (type === 'resolved') this.#of(taskId).add(String(entry.of).replace(/#\d+$/, ''));
      if (type === 'task.ended') this.ended.add(taskId);
      if (type === 'event' && typeof entry.id === 'string') {
        const counts = this.events.get(taskId) ?? new Map<string, number>();
        this.events.set(taskId, counts.set(entry.id, (counts.get(entry.id) ?? 0) + 1));
      }
    }
  }

  called(taskId: string, step: string): void {
    this.calls += 1;
    if (this.#of(taskId).has(step))
      this.wrongs.push(`${taskId}/${step} was called after its result was durable`);
  }

  #of(taskId: string): Set<string> {
    const resolved = this.#resolved.get(taskId) ?? new Set();
    this.#resolved.set(taskId, resolved);
    return resolved;
  }
}

/** Three steps in a row; what fails waits for so long before it is tried again. */
function stepped(
  name: string,
  baseDelay: number,
  watch: Watch,
  next: () => Attempt,
  sleep: (ms: number) => Promise<void>,
): RunnableTask {
  const run =
    (step: string) =>
    async ({ id }: { id: string }) => {
      watch.called(id, step);
      const attempt = next();
      if (attempt === 'later') await sleep(7_000);
      if (attempt === 'fails') throw new Error('not yet');
      return step;
    };
  const output = z.string();
  return defineTask({
    name,
    version: '1',
    context: z.object({}),
    retry: { attempts: 'unlimited', baseDelay, maxDelay: baseDelay, jitter: 'none' },
  })
    .step('first', { output, run: run('first') })
    .step('second', { after: ['first'], output, run: run('second') })
    .step('third', { after: ['second'], output, run: run('third') })
    .build() as unknown as RunnableTask;
}

/** Waits for events, each of which it remembers, and half a day for the last. */
const listening = charted(
  setup({ types: { context: {} as { heard: string[] } } }).createMachine({
    id: 'listening',
    context: { id: '', context: {}, results: {}, steps: {}, heard: [] } as never,
    initial: 'waiting',
    output: ({ event }: { event: { output?: unknown } }) => event.output,
    on: { 'task.cancel': '.cancelled' },
    states: {
      waiting: {
        tags: ['running'],
        on: {
          go: { actions: assign({ heard: ({ context, event }) => [...context.heard, String(event.n)] }) },
          finish: 'finished',
        },
        after: { [DAY / 2]: 'finished' },
      },
      finished: {
        type: 'final',
        tags: ['complete'],
        output: ({ context }) => ({ status: 'complete', output: context.heard }),
      },
      cancelled: { type: 'final', tags: ['cancelled'], output: { status: 'cancelled' } },
    },
  }),
  { name: 'listening' },
);

const NAMES = { a: 'brisk', b: 'brisk', c: 'patient', d: 'patient', e: 'listening', f: 'listening' } as const;
type Id = keyof typeof NAMES;
const IDS = Object.keys(NAMES) as Id[];

const happening = fc.record({
  what: fc.constantFrom(
    'submit',
    'submit',
    'submit',
    'later',
    'pass',
    'pass',
    'pass',
    'event',
    'event',
    'cancel',
    'restart',
    'badRestart',
    'kill',
    'drain',
    'jump',
  ),
  id: fc.constantFrom(...IDS),
  ms: fc.integer({ min: 0, max: 50_000 }),
});
type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;
type Fault = 'none' | 'not done' | 'answer lost';
const fault = fc.oneof(
  { weight: 12, arbitrary: fc.constant<Fault>('none') },
  fc.constantFrom<Fault>('not done', 'answer lost'),
);
const attempt = fc.constantFrom<Attempt>('now', 'now', 'later', 'fails');

test('whatever happens to services and their backend, every task ends or waits, with a wake-up, and nothing is done twice', async () => {
  const property = fc.asyncProperty(
    fc.array(happening, { minLength: 5, maxLength: 25 }),
    fc.infiniteStream(fault),
    fc.infiniteStream(attempt),
    live,
  );
  const runs = Number(process.env.STORM_RUNS ?? 60);
  await fc.assert(property, {
    numRuns: runs,
    ...(process.env.STORM_SEED && { seed: Number(process.env.STORM_SEED) }),
    ...(process.env.STORM_PATH && { path: process.env.STORM_PATH }),
  });
}, 3_600_000);

async function live(happenings: Happening[], faults: fc.Stream<Fault>, attempts: fc.Stream<Attempt>) {
  const watch = new Watch();
  let healthy = false;
  const faulty = async <Answer>(call: string, ask: () => Promise<Answer>): Promise<Answer> => {
    const { value } = healthy ? { value: 'none' } : faults.next();
    if (value === 'not done') throw new UnavailableError(call, { cause: 'no connection' });
    const answer = await ask();
    if (value === 'answer lost') throw new UnavailableError(call, { cause: 'the answer was lost' });
    return answer;
  };
  await using stand = openStand((backend) => faultyParts(backend, faulty, watch));
  const next = () => (healthy ? 'now' : (attempts.next().value ?? 'now'));
  const sleep = (ms: number) => stand.clock.sleep(ms);
  const tasks = [
    stepped('brisk', 2_000, watch, next, sleep),
    stepped('patient', 45_000, watch, next, sleep),
    listening,
  ];
  const options = { limit: 3, drainWithin: 5_000 };
  const serve = () => stand.serve(tasks, options);
  const services: Service[] = [await serve(), await serve()];
  const changes = new Map<string, ChangeEvent>();
  await stand.backend.events.subscribe('taskchart.events.>', { start: 'all' }, ({ id, body }) => {
    changes.set(id, body as unknown as ChangeEvent);
  });
  const sent = new Map<Id, Set<string>>(IDS.map((id) => [id, new Set()]));
  const asked: Promise<unknown>[] = [];
  const door = () => services[0] as Service;
  const ask = (promise: Promise<unknown>) => asked.push(promise.catch(() => {}));
  let count = 0;
  const unique = (prefix: string) => {
    count += 1;
    return `${prefix}-${count}`;
  };
  for (const { what, id, ms } of happenings) {
    const name = NAMES[id];
    if (what === 'submit') ask(door().submit({ id, name }));
    if (what === 'later') {
      ask(door().submit({ id, name, run_at: new Date(stand.clock.now() + 10 * ms).toISOString() }));
    }
    if (what === 'pass') await stand.pass(ms);
    if (what === 'jump') stand.clock.set(stand.clock.now() + 10 * ms);
    if (what === 'event' && (await stand.backend.journal.last(id))) {
      const eventId = unique(id);
      const body: Body = { type: 'go', n: eventId };
      const delivered = () => stand.backend.inbox.deliver({ taskId: id, name, eventId, body: body as never });
      await delivered()
        .catch(delivered)
        .catch(delivered)
        .then(
          () => sent.get(id)?.add(eventId),
          () => {},
        );
    }
    const handle = ['cancel', 'restart'].includes(what)
      ? await door()
          .task(id)
          .catch(() => undefined)
      : undefined;
    if (what === 'cancel' && handle) ask(handle.cancel('enough'));
    if (what === 'restart' && handle) ask(handle.restart());
    if (what === 'badRestart') {
      const body: Body = { type: 'task.restart', version: '9' };
      ask(
        stand.backend.inbox.deliver({
          taskId: id,
          name,
          eventId: unique('bad'),
          body: body as never,
        }),
      );
    }
    if (what === 'kill' || what === 'drain') {
      const service = services.shift() as Service;
      await (what === 'kill' ? stand.kill(service) : stand.drain(service));
      services.push(await serve());
    }
    await stand.pass();
  }
  healthy = true;
  for (const id of IDS) {
    // Under this id there may be another request, put off till later.
    await door()
      .submit({ id, name: NAMES[id] })
      .catch(() => {});
  }
  await stand.pass(20 * MINUTE);
  for (const id of IDS) {
    const handle = await door().task(id);
    if ((await handle.view()).status !== 'blocked') continue;
    ask(handle.restart());
    await stand.pass(10 * MINUTE);
  }
  for (const id of ['e', 'f'] as const) {
    expect((await (await door().task(id)).view()).status).toMatch(/parked|complete|cancelled/);
    const body: Body = { type: 'finish' };
    await stand.backend.inbox.deliver({
      taskId: id,
      name: NAMES[id],
      eventId: `${id}-end`,
      body: body as never,
    });
  }
  await stand.pass(5 * MINUTE);
  await Promise.all(asked);

  for (const id of IDS) await checkTask(stand, door(), id, watch, changes, sent.get(id) ?? new Set());
  expect(watch.wrongs).toEqual([]);
  expect(stand.reports.filter(({ type }) => type === 'task.crashed')).toEqual([]);

  // Nothing is begun anew by what still comes, and nothing is kept for ever.
  const { calls } = watch;
  for (let day = 0; day < 9; day += 1) await stand.pass(DAY);
  expect(watch.calls).toBe(calls);
  for (const id of IDS) expect(await stand.backend.journal.last(id), `the journal of ${id}`).toBeUndefined();
  for (const service of services) await stand.drain(service);
  expect(stand.clock.pending, 'timers left').toBe(0);
}

async function checkTask(
  stand: Stand,
  door: Service,
  id: Id,
  watch: Watch,
  changes: ReadonlyMap<string, ChangeEvent>,
  sent: ReadonlySet<string>,
) {
  const handle = await door.task(id);
  const result = await soFar(handle.result());
  if (result === 'pending') {
    const told: unknown[] = [];
    for await (const { entries } of stand.backend.journal.read(id)) told.push(...entries);
    throw new Error(`Task ${id} does not end: ${JSON.stringify(told, null, 1)}`);
  }
  expect(result.status).toMatch(/complete|cancelled/);
  if (result.status === 'complete' && NAMES[id] !== 'listening')
    expect(result.output).toEqual({ third: 'third' });
  for (const [eventId, times] of watch.events.get(id) ?? []) {
    expect([eventId, times]).toEqual([eventId, 1]);
  }
  const taken = watch.events.get(id);
  // What comes after an end is for nobody: with a restart, that end may be long past.
  const lost = [...sent].filter((eventId) => !taken?.has(eventId));
  if (lost.length > 0) expect(watch.ended, `lost ${lost.join()}`).toContain(id);
  if (stand.reports.some((report) => report.type === 'change.unpublished' && report.id === id)) return;
  const own = [...changes.values()].filter(({ subject }) => subject === id);
  const entryOf = ({ id: change }: ChangeEvent) => Number(change.split('/')[1]);
  let view: TaskView = emptyView(result);
  for (const { data, time } of own.toSorted((one, other) => entryOf(one) - entryOf(other))) {
    view = withChanges(view, data.changes as never, Date.parse(time));
  }
  const bare = ({
    status,
    output,
    error,
    steps,
  }: Pick<TaskView, 'status' | 'output' | 'error' | 'steps'>) => ({
    status,
    output,
    error,
    steps: Object.fromEntries(STEPS.map((step) => [step, [steps[step]?.status, steps[step]?.attempts]])),
  });
  expect(bare(view)).toEqual(bare(result));
}

function faultyParts(
  { journal, inbox, events, actors }: Backend,
  faulty: <Answer>(call: string, ask: () => Promise<Answer>) => Promise<Answer>,
  watch: Watch,
) {
  return {
    journal: {
      append: (taskId: string, expected: number, commit: Commit) =>
        faulty('journal.append', async () => {
          const sequence = await journal.append(taskId, expected, commit);
          watch.stored(taskId, commit);
          return sequence;
        }),
    },
    events: { publish: (message) => faulty('events.publish', () => events.publish(message)) },
    actors: { ask: (taskId, what) => faulty('actors.ask', () => actors.ask(taskId, what)) },
    inbox: {
      submit: (request) => faulty('inbox.submit', () => inbox.submit(request)),
      deliver: (event) => faulty('inbox.deliver', () => inbox.deliver(event)),
      take: (options, onDelivery) =>
        inbox.take(options, (delivery) =>
          onDelivery(
            deliveryWith(delivery, {
              acknowledge: () => faulty('acknowledge', () => delivery.acknowledge()),
              handBack: (until) => faulty('handBack', () => delivery.handBack(until)),
              refuse: (reason) => faulty('refuse', () => delivery.refuse(reason)),
            }),
          ),
        ),
    },
  } satisfies ReturnType<NonNullable<Parameters<typeof openStand>[0]>>;
}

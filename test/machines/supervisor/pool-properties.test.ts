import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OwnershipLostError } from '../../../machines/supervisor/index.ts';
import { FakeOffer, FakeTask, openPool, turns } from './pool-stand.ts';
import { refuseStrayErrors } from './stray-errors.ts';

refuseStrayErrors();

/** Tasks that count how many of their id live at a time. */
class CountedTask extends FakeTask {
  readonly #live: Map<string, number>;
  readonly #slow: boolean;

  constructor(id: string, live: Map<string, number>, slow: boolean) {
    super(id);
    this.#live = live;
    this.#slow = slow;
  }

  override start(): void {
    const count = (this.#live.get(this.id) ?? 0) + 1;
    if (count > 1) throw new Error(`O1: ${count} actors of "${this.id}" live.`);
    this.#live.set(this.id, count);
    super.start();
  }

  override async send(event: { type: string }): Promise<void> {
    if (this.#slow) await turns(1);
    this.events.push(event);
    if (event.type === 'refuse') throw new Error('The journal is full.');
    if (event.type === 'end') this.end();
  }

  override end(): void {
    this.#over();
    super.end();
  }

  override crash(error: unknown): void {
    this.#over();
    super.crash(error);
  }

  override stop(): void {
    this.#over();
    super.stop();
  }

  #over(): void {
    if (this.state === 'live') this.#live.set(this.id, (this.#live.get(this.id) ?? 0) - 1);
  }
}

const id = fc.constantFrom('a', 'b', 'c');
const settling = fc.constantFrom('at once', 'late', 'never heard');
const happening = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('request' as const), id, settling }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('event' as const),
      id,
      settling,
      type: fc.constantFrom('go', 'refuse', 'end'),
      eventId: fc.constantFrom('e1', 'e2', 'e3'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('end' as const, 'crash' as const, 'lose' as const), id }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('send' as const), id }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('turn' as const), count: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 20_000 }) }),
  },
);
/** How the next task is made. */
const making = fc.record({
  how: fc.constantFrom('actor', 'slow actor', 'late actor', 'nothing', 'deferral', 'throws', 'never'),
});

function offerOf(message: ConstructorParameters<typeof FakeOffer>[0], how: string): FakeOffer {
  const offer = new FakeOffer(message);
  if (how === 'late') offer.onSettle = () => turns(2);
  if (how === 'never heard') offer.onSettle = () => Promise.reject(new Error('no answer'));
  return offer;
}

describe('whatever happens to a pool', () => {
  test('O1, O2, O3: each delivery is settled once, one actor a task lives, and it ends drained', async () => {
    const property = fc.asyncProperty(
      fc.array(happening, { maxLength: 40 }),
      fc.infiniteStream(making),
      fc.boolean(),
      async (happenings, makings, patient) => {
        const live = new Map<string, number>();
        const made: CountedTask[] = [];
        const offers: FakeOffer[] = [];
        const lost = new Set<FakeTask>();
        const makeNext = async (taskId: string) => {
          const { how } = makings.next().value;
          if (how === 'throws') throw new Error('It cannot be made.');
          if (how === 'never') await new Promise(() => {});
          if (how === 'late actor') await turns(2);
          if (how === 'nothing') return undefined;
          if (how === 'deferral') return { until: pool.clock.now() + 1_000 };
          const task = new CountedTask(taskId, live, how === 'slow actor');
          made.push(task);
          return task;
        };
        using pool = openPool({ createTask: (_, taskId) => makeNext(taskId) });
        const offer = (message: ConstructorParameters<typeof FakeOffer>[0], how: string) => {
          const delivery = offerOf(message, how);
          offers.push(delivery);
          pool.send({ type: 'task.offer', delivery });
        };
        const answers: Promise<unknown>[] = [];

        for (const each of happenings) {
          const task =
            'id' in each ? made.findLast((one) => one.id === each.id && one.state === 'live') : undefined;
          if (each.do === 'request') offer({ taskId: each.id }, each.settling);
          if (each.do === 'event') {
            const { id: taskId, type, eventId } = each;
            offer({ kind: 'event', taskId, eventId, body: { type } }, each.settling);
          }
          if (each.do === 'end') task?.end();
          if (each.do === 'crash') task?.crash(new Error('It broke.'));
          if (each.do === 'lose' && task) {
            lost.add(task);
            task.crash(new OwnershipLostError(task.id, { cause: 'another' }));
          }
          if (each.do === 'send') answers.push(pool.sendTo(each.id, { type: 'go' }).catch(() => {}));
          if (each.do === 'turn') await turns(each.count);
          if (each.do === 'pass') await pool.clock.advance(each.ms);
        }
        pool.send({ type: 'pool.drain' });
        await turns(5);
        if (patient) for (const task of made) if (task.state === 'live') task.end();
        await turns(5);
        pool.send({ type: 'pool.release' });
        await turns(10);

        const settledTimes = offers.map(({ settled }) => settled.length);
        expect(Math.max(0, ...settledTimes)).toBeLessThanOrEqual(1);
        expect(settledTimes.filter((times) => times === 0).length).toBeLessThanOrEqual(lost.size);
        expect(pool.reports.filter(({ type }) => type === 'pool.drained')).toHaveLength(1);
        expect(made.filter(({ state }) => state === 'live')).toEqual([]);
        expect(pool.reports.filter((report) => 'error' in report && /O1/.test(String(report.error)))).toEqual(
          [],
        );
        await Promise.all(answers);
        await pool.clock.advance(20_000);
        expect(pool.clock.pending).toBe(0);
      },
    );
    await fc.assert(property, { numRuns: 400 });
  });
});

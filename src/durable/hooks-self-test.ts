import {
  assign,
  cancel,
  createActor,
  createMachine,
  emit,
  fromCallback,
  fromObservable,
  fromPromise,
  raise,
  type Subscribable,
  sendTo,
  setup,
  spawnChild,
  stopChild,
} from 'xstate';
import type { Clock } from '../../machines/clock.ts';
import type { Arrival } from './entry.ts';
import { HookMissingError } from './errors/hook-missing-error.ts';
import { hookedRoot } from './hooks.ts';
import { RULES } from './rules.ts';
import { Tree } from './tree.ts';

/**
 * Proves that XState calls what durability rests on. The hooks are not public: a release that renames one would let effects
 * past the journal in silence. So a small machine with one of everything is lived through before the first actor, on the
 * same tree that all actors live in, and what should have been noticed must have been.
 */
let proof: Promise<void> | undefined;
let proven = false;

/** Whether {@link assertHooks} has resolved in this process. */
export function areHooksProven(): boolean {
  return proven;
}

/**
 * Resolves once it is shown that this XState is one that actors can be durable on; looked at once a process. Every
 * durable actor asks before it starts; ask at start to fail early.
 *
 * @throws {HookMissingError} It is not.
 */
export function assertHooks(): Promise<void> {
  proof ??= proveHooks(createActor).then(() => {
    proven = true;
  });
  return proof;
}

/** @param create XState's `createActor`, or one that a test has broken. */
export async function proveHooks(create: typeof createActor): Promise<void> {
  let missing: string[];
  try {
    missing = await missingHooks(create);
  } catch (error) {
    missing = [`the hooks as expected (${error instanceof Error ? error.message : String(error)})`];
  }
  if (missing.length > 0) throw new HookMissingError(missing);
}

async function missingHooks(create: typeof createActor): Promise<string[]> {
  const seen = new Set<string>();
  const arrived: Arrival[] = [];
  const clock = new HandClock();
  const tree = new Tree(
    { rules: RULES, arrive: (arrival) => arrived.push(arrival), report: () => {}, keyOf: () => '' },
    clock,
  );
  const root = create(hookedRoot(probe(seen), tree), { clock });
  root.on('*', () => seen.add('emitted'));
  root.subscribe({ error: () => {} });

  tree.replaying = true;
  root.start();
  const premature = arrived.length > 0 || seen.size > 0;
  tree.goLive();
  root.send({ type: 'sent' });
  clock.fire();
  await new Promise((resolve) => setImmediate(resolve));

  const has = (type: Arrival['type'], about: string) =>
    arrived.some((each) => each.type === type && (each.type === 'event' ? each.from : each.of) === about);
  const alone = arrived.filter(({ type }) => type === 'timer').length === 1;
  const child = tree.find('x:1');
  for (const arrival of [...arrived]) tree.deliver(arrival);

  const wanted: Record<string, boolean | undefined> = {
    'an effect’s logic.start, and that alone': !premature && seen.has('started'),
    'system._sendInspectionEvent for each new actor': child !== undefined,
    'system._relay': (root.getSnapshot().context as { sent: number }).sent === 1,
    'system._relay for what callbacks send': has('event', 'callback'),
    'system._relay with xstate.promise.resolve': has('resolved', 'promise'),
    'system._relay with xstate.promise.reject': has('rejected', 'failing'),
    'system._relay with xstate.observable.next': has('next', 'observable'),
    'system._relay with xstate.observable.complete': has('completed', 'observable'),
    'system._relay with xstate.observable.error': has('failed', 'broken'),
    'system.scheduler.schedule': has('timer', ''),
    'system.scheduler.cancel': alone,
    'actorScope.actionExecutor': seen.has('acted'),
    'actorScope.emit': seen.has('emitted'),
    'system._unregister': tree.find('x:1') === undefined,
    'an effect’s logic.transition': seen.has('heard'),
    'xstate.done.actor and xstate.error.actor': root.getSnapshot().matches('over'),
  };
  tree.close();
  wanted['xstate.stop'] = seen.has('cleaned');
  return Object.keys(wanted).filter((hook) => !wanted[hook]);
}

function probe(seen: Set<string>) {
  const values = (feed: (observer: { next(value: number): void; complete(): void }) => void) =>
    fromObservable(
      () =>
        ({
          subscribe: (observer: { next(value: number): void; complete(): void }) => {
            feed(observer);
            return { unsubscribe: () => {} };
          },
        }) as Subscribable<number>,
    );
  return setup({
    types: { context: {} as { sent: number } },
    actors: {
      promise: fromPromise(async () => {
        seen.add('started');
      }),
      failing: fromPromise(() => Promise.reject(new Error('as it should'))),
      observable: values((observer) => {
        observer.next(1);
        observer.complete();
      }),
      broken: fromObservable(
        () =>
          ({
            subscribe: ({ error }: { error(thrown: unknown): void }) => {
              error('as it should');
              return { unsubscribe: () => {} };
            },
          }) as unknown as Subscribable<number>,
      ),
      callback: fromCallback(({ receive, sendBack }) => {
        receive(() => {
          seen.add('heard');
          sendBack({ type: 'answered' });
        });
        return () => seen.add('cleaned');
      }),
      child: createMachine({}),
    },
    actions: { act: () => void seen.add('acted') },
  }).createMachine({
    context: { sent: 0 },
    entry: [
      'act',
      emit({ type: 'told' }),
      sendTo('callback', { type: 'asked' }),
      spawnChild('child'),
      raise({ type: 'late' }, { delay: 1, id: 'late' }),
      raise({ type: 'never' }, { delay: 1, id: 'never' }),
      cancel('never'),
    ],
    invoke: [
      { id: 'promise', src: 'promise', onDone: { actions: 'act' } },
      { id: 'failing', src: 'failing', onError: '.failed' },
      { id: 'observable', src: 'observable' },
      { id: 'broken', src: 'broken', onError: {} },
      { id: 'callback', src: 'callback' },
    ],
    on: {
      sent: {
        actions: [
          assign({ sent: ({ context }) => context.sent + 1 }),
          emit({ type: 'told' }),
          stopChild(({ self }) => Object.values(self.getSnapshot().children)[0] ?? ''),
        ],
      },
    },
    initial: 'begun',
    states: { begun: {}, failed: { on: { '*': 'over' }, always: 'over' }, over: {} },
  });
}

/** Fires when it is told to. */
class HandClock implements Clock {
  readonly #due = new Set<() => void>();

  now(): number {
    return 1_000;
  }

  setTimeout(fn: () => void): () => void {
    this.#due.add(fn);
    return fn;
  }

  clearTimeout(fn: () => void): void {
    this.#due.delete(fn);
  }

  fire(): void {
    for (const fn of this.#due) fn();
  }
}

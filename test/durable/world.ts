import {
  type AnyActorRef,
  type AnyEventObject,
  type AnyStateMachine,
  type CallbackLogicFunction,
  fromCallback,
  fromEventObservable,
  fromObservable,
  fromPromise,
  type Subscribable,
} from 'xstate';
import { effectKey } from '../../src/durable/index.ts';
import { VirtualClock } from '../virtual-time.ts';

/** A machine of the zoo, and who sends it what. */
export interface Animal {
  readonly name: string;
  machine(world: World): AnyStateMachine;
  readonly input?: unknown;
  /** Each is sent once its time has come, and all before it have been sent. */
  readonly script?: readonly Cue[];
  /** Time decides how it ends: one that is down for a while ends otherwise. */
  readonly timely?: boolean;
  /** What its effects' runs are called, where they have keys of their own. @default `it/<address>` */
  runName?(address: string): string;
  /** Why it ends otherwise than a plain actor does, where it does. */
  readonly differs?: string;
}

export interface Cue {
  // Machines of all kinds: each cue knows its own.
  when(snapshot: Looked): boolean;
  readonly event: AnyEventObject;
}

export interface Looked {
  matches(value: unknown): boolean;
  readonly context: Record<string, unknown>;
  readonly children: Record<string, AnyActorRef | undefined>;
}

/** What an effect, an action or a listener did. */
export interface Deed {
  readonly what: 'run' | 'stop' | 'act' | 'emit';
  /** Of an effect, its key; else its name. */
  readonly name: string;
  /** How many entries had been taken, that of the moment included. */
  readonly number: number;
  /** While the machine was being restored. */
  readonly opening: boolean;
  /** How many entries were durable. */
  readonly durable: number;
}

/** Everything outside the machines: the time, the effects, and what they did. */
export class World {
  readonly clock: VirtualClock;
  readonly deeds: Deed[] = [];
  /** The entry that is being taken, or the last that was. */
  number = 0;
  opening = false;
  /** Of a process that was killed: nothing of it counts any more. */
  dead = false;
  durable = () => 0;

  constructor(time = 0) {
    this.clock = new VirtualClock(time);
  }

  did(what: Deed['what'], name: string): void {
    if (this.dead) return;
    this.deeds.push({ what, name, number: this.number, opening: this.opening, durable: this.durable() });
  }

  act(name: string): () => void {
    return () => this.did('act', name);
  }

  /** Takes some time, then gives what it gives or throws. */
  promise<Input, Output>(gives: (input: Input) => Output, takes = 10) {
    return fromPromise<Output, Input>(async ({ input, self, signal }) => {
      this.did('run', effectKey(self));
      signal.addEventListener('abort', () => this.did('stop', effectKey(self)));
      if (takes > 0) await this.clock.sleep(takes);
      return gives(input);
    });
  }

  callback<Event extends AnyEventObject, Input = undefined>(
    listen: (args: Parameters<CallbackLogicFunction<Event, AnyEventObject, Input>>[0]) => void,
  ) {
    return fromCallback<Event, Input>((args) => {
      const key = effectKey(args.self);
      this.did('run', key);
      listen(args);
      return () => this.did('stop', key);
    });
  }

  observable<Value, Input>(feed: (observer: Feed<Value>, input: Input) => void) {
    return fromObservable<Value, Input>(({ self, input }) => this.#subscribable(self, feed, input));
  }

  eventObservable<Event extends AnyEventObject, Input>(feed: (observer: Feed<Event>, input: Input) => void) {
    return fromEventObservable<Event, Input>(({ self, input }) => this.#subscribable(self, feed, input));
  }

  #subscribable<Value, Input>(
    self: AnyActorRef,
    feed: (observer: Feed<Value>, input: Input) => void,
    input: Input,
  ): Subscribable<Value> {
    const key = effectKey(self);
    return {
      subscribe: (observer: Feed<Value>) => {
        this.did('run', key);
        feed(observer, input);
        return { unsubscribe: () => this.did('stop', key) };
      },
    } as Subscribable<Value>;
  }
}

export interface Feed<Value> {
  next(value: Value): void;
  error(error: unknown): void;
  complete(): void;
}

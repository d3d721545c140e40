import type { AnyEventObject } from 'xstate';
import { type Clock, now } from '../../machines/clock.ts';
import { enter, enterError, enterEvent } from './border.ts';
import type { Arrival } from './entry.ts';
import type { Member } from './member.ts';
import type { Problem } from './problem.ts';
import { RESULT_OF_EVENT } from './xstate-internals.ts';

export interface ThresholdHost {
  /** Something came from outside the charts, while the tree was live. */
  arrive(arrival: Arrival): void;
  report(kind: Problem['kind'], error: unknown, address?: string): void;
}

/**
 * D1. Where what comes from outside the charts becomes an arrival.
 *
 * - What is no JSON does not get over it: a sender is told at once; an effect that has nobody to be told fails.
 * - What is thrown becomes JSON here, once; as it was, with its stack, it is reported.
 */
export class Threshold {
  readonly #host: ThresholdHost;
  readonly #clock: Clock;

  constructor(host: ThresholdHost, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
  }

  /** @param from The effect that sends it, if one does. */
  enter(to: Member, from: Member | undefined, event: AnyEventObject): void {
    const at = now(this.#clock);
    const of = to.address;
    const result = from === to ? RESULT_OF_EVENT[event.type] : undefined;
    const isError = result === 'rejected' || result === 'failed';
    if (isError) this.#host.report('thrown', event.data, of);
    try {
      if (result) {
        const data = isError
          ? enterError(event.data)
          : enter(event.data, result === 'next' ? 'value' : 'output');
        this.#host.arrive({ type: result, at, of, ...(data !== undefined && { data }) });
      } else {
        const json = enterEvent(event);
        this.#host.arrive({ type: 'event', at, to: of, event: json, ...(from && { from: from.address }) });
      }
    } catch (refusal) {
      const effect = result ? to : from;
      if (!effect || effect.kind === 'callback') throw refusal;
      this.#host.report('refused', refusal, effect.address);
      this.#fail(effect, refusal);
    }
  }

  threw(member: Member, thrown: unknown): void {
    this.#host.report('thrown', thrown, member.address);
    this.#fail(member, thrown);
  }

  #fail({ address }: Member, thrown: unknown): void {
    const error = enterError(thrown) ?? null;
    this.#host.arrive({ type: 'threw', at: now(this.#clock), of: address, error });
  }
}

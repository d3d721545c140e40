import { BackendClosedError } from './errors/backend-closed-error.ts';
import type { Subscription } from './port.ts';

/** Whether the backend is open, and the subscriptions that end with it. */
export class Lifetime {
  readonly #backend: string;
  readonly #subscriptions = new Set<Subscription>();
  #ending: Promise<void> | undefined;

  /** @param backend Its name, for errors. */
  constructor(backend: string) {
    this.#backend = backend;
  }

  get isOpen(): boolean {
    return this.#ending === undefined;
  }

  /** @param call What was asked: `inbox.submit`. @throws {BackendClosedError} */
  assertOpen(call: string): void {
    if (this.#ending) throw new BackendClosedError(this.#backend, call);
  }

  /** A subscription that ends once: when it is stopped, or with the backend. @param end Resolves when no handler runs. */
  subscription(end: () => Promise<void>): Subscription {
    let ended: Promise<void> | undefined;
    const stop = (): Promise<void> => {
      // One that is being stopped still belongs to what the backend waits for when it closes.
      ended ??= end().finally(() => this.#subscriptions.delete(subscription));
      return ended;
    };
    const subscription: Subscription = { stop, [Symbol.asyncDispose]: stop };
    this.#subscriptions.add(subscription);
    return subscription;
  }

  end(): Promise<void> {
    this.#ending ??= Promise.all([...this.#subscriptions].map((subscription) => subscription.stop())).then(
      () => {},
    );
    return this.#ending;
  }
}

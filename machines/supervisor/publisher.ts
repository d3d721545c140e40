import { type ActorRefFrom, fromCallback } from 'xstate';

/** Asks for one attempt to publish. Exactly one of `resolve` and `reject` is called, once. */
export interface PublishAsk {
  readonly type: 'event.publish';
  readonly message: unknown;
  readonly resolve: (acknowledgement: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Publishes the events of tasks and awaits the acknowledgements. One attempt an ask: the step that asks has a chart of its own that
 * retries, where it is seen.
 */
export function publisherOf(publish: (message: unknown) => Promise<unknown>) {
  return fromCallback<PublishAsk>(({ receive }) => {
    receive(({ message, resolve, reject }) => {
      publish(message).then(resolve, reject);
    });
  });
}

export type PublisherRef = ActorRefFrom<ReturnType<typeof publisherOf>>;

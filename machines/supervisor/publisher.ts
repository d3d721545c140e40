import { fromCallback } from 'xstate';

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
  // Async, so that one who throws before it promises is a rejection like any other and takes nothing down.
  const attempt = async (message: unknown) => publish(message);
  return fromCallback<PublishAsk>(({ receive }) => {
    receive(({ message, resolve, reject }) => {
      attempt(message).then(resolve, reject);
    });
  });
}

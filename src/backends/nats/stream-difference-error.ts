/** A setting of a stream or consumer that is not as it must be. */
export interface Difference {
  /** As JetStream calls it: `max_age`. */
  readonly field: string;
  readonly is: unknown;
  readonly expected: unknown;
}

/**
 * A stream or consumer is there with settings that would break a promise of the port. It was left as it is; the process
 * should not start on it.
 */
export class StreamDifferenceError extends Error {
  override readonly name = 'StreamDifferenceError';
  readonly differences: readonly Difference[];

  /** @param what `The stream ORDERS`. @param differences One at least. */
  constructor(what: string, differences: readonly Difference[]) {
    const lines = differences.map(
      ({ field, is, expected }) =>
        `  ${field} is ${JSON.stringify(is)}; expected ${typeof expected === 'string' ? expected : JSON.stringify(expected)}`,
    );
    super(
      `${what} is there with settings that would break a promise:\n${lines.join('\n')}\n` +
        'Change them (`nats stream edit`, `nats consumer edit`), remove it, or use another name or prefix.',
    );
    this.differences = differences;
  }
}

import { jetStreamCode } from './codes.ts';

/** JetStream answered a request with a refusal. */
export class JetStreamError extends Error {
  override readonly name = 'JetStreamError';
  /** Its `err_code`: see `jetStreamCode`. */
  readonly code: number;

  /** @param request The subject that was asked. */
  constructor(request: string, code: number, description: string) {
    super(`JetStream refused ${request}: ${description} (${code})`);
    this.code = code;
  }

  /** Whether another message stands on the subject than was expected, by either of its two codes. */
  get isWrongLastSequence(): boolean {
    return (
      this.code === jetStreamCode.wrongLastSequence || this.code === jetStreamCode.wrongLastSequenceReplicated
    );
  }
}

/** A parameter that the demo shop cannot read. The client is told by a 400 and should not ask again. */
export class BadRequestError extends Error {
  override readonly name = 'BadRequestError';
  /** Where fastify looks for it. */
  readonly statusCode = 400;

  constructor(parameter: string, value: unknown, expected: string) {
    super(`${parameter} is '${String(value)}': expected ${expected}`);
  }
}

import { assertJson } from '../json.ts';

/**
 * Refuses an output that would not be the same once it was kept and read again. A step may give nothing at all:
 * its output is `undefined` then.
 *
 * @throws {NotJsonError} Naming the step and the place in its output.
 */
export function assertOutput(step: string, output: unknown): void {
  if (output !== undefined) assertJson(output, `steps.${step}.output`);
}

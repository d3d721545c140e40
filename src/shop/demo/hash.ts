import { createHash } from 'node:crypto';

/**
 * What looks random in the demo shop: numbers drawn from a text by SHA-256.
 *
 * - The same text gives the same numbers, in every process and on every machine.
 * - The numbers of two texts have nothing to do with each other.
 */

/** Eight whole numbers from 0 to 2^32 − 1, drawn from a text. */
export function draw(text: string): readonly number[] {
  const digest = createHash('sha256').update(text).digest();
  return Array.from({ length: 8 }, (_, index) => digest.readUInt32BE(index * 4));
}

/** Turns one drawn number into a whole number from 0 to `below` − 1; the bias at these sizes is nil. */
export function pick(drawn: number | undefined, below: number): number {
  return (drawn ?? 0) % below;
}

/** Turns one drawn number into a fraction: at least 0, less than 1. */
export function fraction(drawn: number | undefined): number {
  return (drawn ?? 0) / 2 ** 32;
}

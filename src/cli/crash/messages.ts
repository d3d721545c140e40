import { z } from 'zod';
import { placeSchema } from './backends.ts';
import { hurrySchema } from './hurried-clock.ts';

/** What a worker is told when it is started: its one argument, as JSON. */
export const assignmentSchema = z.object({
  /** Of this one process: no other is ever called so. */
  name: z.string(),
  place: placeSchema,
  shop: z.url(),
  /** How long an answer of the shop is waited for, in ms. */
  timeout: z.int(),
  hurry: hurrySchema,
});
export type Assignment = z.output<typeof assignmentSchema>;

/** What a worker is asked; it answers once with the same number. */
export const questionSchema = z.object({
  number: z.int(),
  /** `submit` is answered once the request is durable, `watch` once the task has ended. */
  ask: z.enum(['submit', 'watch']),
  id: z.string(),
  request: z.record(z.string(), z.json()).optional(),
});
export type Question = z.output<typeof questionSchema>;

export const answerSchema = z.union([
  z.literal('ready'),
  z.object({ number: z.int(), error: z.string().optional() }),
]);
export type Answer = z.output<typeof answerSchema>;

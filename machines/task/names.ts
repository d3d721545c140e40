import { z } from 'zod';

/** A task's or step's name: it is a token of subjects, a key of objects and a part of URLs. */
export const nameSchema = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,63}$/, 'expected a lower-case letter, then up to 63 of a-z, 0-9, "_" and "-"');

/** A task's id, unique among all tasks. */
export const taskIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,128}$/, 'expected 1 to 128 of A-Z, a-z, 0-9, "_" and "-"');

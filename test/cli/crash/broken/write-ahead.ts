/** A worker whose tasks take what came before it is durable. */
import { work } from '../../../../src/cli/crash/work.ts';
import { RULES } from '../../../../src/durable/rules.ts';

Object.assign(RULES, { writeAhead: false });
await work(process.argv[2] ?? '');

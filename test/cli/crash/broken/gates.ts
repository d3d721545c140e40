/** A worker that runs effects again while it replays what they came to. */
import { work } from '../../../../src/cli/crash/work.ts';
import { assertHooks } from '../../../../src/durable/index.ts';
import { RULES } from '../../../../src/durable/rules.ts';

// Which would find it out.
await assertHooks();
Object.assign(RULES, { shutGates: false });
await work(process.argv[2] ?? '');

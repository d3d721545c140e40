/** What the crash run starts and kills. Made to be run, never imported. */
import { work } from './work.ts';

await work(process.argv[2] ?? '');

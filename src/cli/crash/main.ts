/** What `npm run crash` runs: the proof that nothing is lost, repeated or doubled. Made to be run, never imported. */
import { randomInt } from 'node:crypto';
import { onStopSignal } from '../../service/index.ts';
import { type CrashOptions, CrashOptionsError, help, parseCrashOptions } from './options.ts';
import { isWell } from './result.ts';
import { runCrash } from './run.ts';

await main();

async function main(): Promise<void> {
  let options: CrashOptions;
  try {
    options = parseCrashOptions(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof CrashOptionsError)) throw error;
    console.error(error.message);
    process.exitCode = 2;
    return;
  }
  if (options.help) process.stdout.write(help);
  else await crash(options);
}

async function crash({
  seed = randomInt(1_000_000),
  json,
  help: _,
  ...options
}: CrashOptions): Promise<void> {
  // The workers end with this process.
  onStopSignal((exitCode) => process.exit(exitCode));
  if (!json) console.log(`Orders on ${options.backend}, and ${options.kills} kills (seed ${seed}) …`);
  const { result, verdict, folder } = await runCrash({ ...options, seed });
  if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else for (const [name, value] of Object.entries(result)) console.log(`${name.padEnd(18)} ${value}`);
  const { slowest, late } = verdict;
  if (slowest && !json)
    console.log(`The worst recovery was that of ${slowest.task}, from ${slowest.from} to ${slowest.to}.`);
  if (late.length > 0 && !json)
    console.log(
      `${late.length} calls came late, by workers that could not know that they had lost their task.`,
    );
  if (isWell(result)) return;
  const { lost, repeated, doubled } = verdict;
  for (const [kind, findings] of Object.entries({ lost, repeated, doubled })) {
    for (const { task, what } of findings) console.error(`${kind}: ${task} ${what}.`);
  }
  console.error(`With seed ${seed}. The data, and what the workers said: ${folder}`);
  process.exitCode = 1;
}

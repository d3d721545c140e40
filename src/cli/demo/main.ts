/**
 * What `npm run demo` runs: orders through the whole system, against a shop that fails on purpose. Made to be run, never imported.
 */
import { FileInUseError, UnusableFileError } from '../../backends/index.ts';
import { onStopSignal } from '../../service/index.ts';
import { useProxies } from '../proxies.ts';
import { type DemoOptions, DemoOptionsError, help, parseDemoOptions } from './options.ts';
import { type DemoOrder, hasEnded } from './order.ts';
import { movingTable, type Progress, plainLines } from './progress.ts';
import { type DemoRun, runDemo } from './run.ts';
import { summaryOf } from './summary.ts';

await main();

async function main(): Promise<void> {
  let options: DemoOptions;
  try {
    options = parseDemoOptions(process.argv.slice(2), process.env);
  } catch (error) {
    if (!(error instanceof DemoOptionsError)) throw error;
    console.error(error.message);
    process.exitCode = 2;
    return;
  }
  if (options.help) process.stdout.write(help);
  else await demo(options);
}

async function demo(options: DemoOptions): Promise<void> {
  useProxies();
  // Whoever read along, such as `head`, has read enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  let orders: readonly DemoOrder[] = [];
  const progress = progressFor(options, () => orders);
  let run: DemoRun;
  try {
    run = await runDemo(options, progress.changed);
  } catch (error) {
    progress.end();
    if (!(error instanceof FileInUseError || error instanceof UnusableFileError)) throw error;
    console.error(`--data: ${error.message}`);
    process.exitCode = 4;
    return;
  }
  await using _run = run;
  orders = run.orders;
  const { found } = run;
  if (found.orders > 0) {
    progress.say(
      `Found in ${options.data}: ${found.orders} of ${orders.length} orders, of which ${found.ended} have ended. Going on.`,
    );
  }
  const removeHandlers = onStopSignal(async (exitCode) => {
    progress.end();
    const ended = run.orders.filter(hasEnded).length;
    const again = options.data === undefined ? '' : ` Run it again with --data ${options.data} to go on.`;
    console.error(`Stopped: ${ended} of ${run.orders.length} orders had ended.${again}`);
    await run[Symbol.asyncDispose]();
    process.exit(exitCode);
  });
  const started = Date.now();
  const result = await run.finished;
  progress.end();
  removeHandlers();

  const wrong = run.verdicts(result);
  if (options.json) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
  } else {
    const seconds = ((Date.now() - started) / 1_000).toFixed(1);
    console.log(summaryOf(run.orders, result, process.stdout.columns ?? 140));
    const complete = result.tasks.filter(({ status }) => status === 'complete').length;
    const failed = result.tasks.length - complete;
    console.log(
      `Orders from ${run.shop} in ${seconds} s: ${complete} complete, ${failed} refused or failed.`,
    );
    if (wrong.length > 0) console.error('Not every order ended as it should:');
    else console.log(options.SHOP_URL ? 'Every order ended.' : 'Every order ended as it should.');
  }
  for (const sentence of wrong) console.error(sentence);
  process.exitCode = wrong.length === 0 ? 0 : 1;
}

function progressFor({ json }: DemoOptions, orders: () => readonly DemoOrder[]): Progress {
  if (json) return plainLines(() => {});
  return process.stdout.isTTY ? movingTable(process.stdout, orders) : plainLines((line) => console.log(line));
}

/**
 * What `npm run shop` runs: the demo shop alone. Made to be run, never imported.
 *
 * Exit codes: 0 closed by SIGINT or SIGTERM, 1 it could not listen, 2 an option cannot be taken.
 */
import { help, parseCommandLine } from './command-line.ts';
import type { DemoShopSettings } from './options.ts';
import { DemoShopOptionsError } from './options-error.ts';
import { type DemoShop, startDemoShop } from './server.ts';

await main();

async function main(): Promise<void> {
  let settings: 'help' | DemoShopSettings;
  try {
    settings = parseCommandLine(process.argv.slice(2), process.env);
  } catch (error) {
    if (!(error instanceof DemoShopOptionsError)) throw error;
    return stop(2, error.message);
  }
  if (settings === 'help') {
    process.stdout.write(help);
    return;
  }
  try {
    run(await startDemoShop(settings), settings);
  } catch (error) {
    stop(1, whyNotListening(error, settings));
  }
}

function run(shop: DemoShop, { faults, seed }: DemoShopSettings): void {
  // Once: a second signal, should closing ever stick, ends the process as it would any other.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, async () => {
      await shop.close();
      console.log(`${signal}: the demo shop is closed. It got ${shop.calls.length} calls.`);
    });
  }
  console.log(`The demo shop listens on ${shop.url} (faults: ${faults}, seed: ${seed}).`);
  for (const path of ['/products?limit=30&skip=30', '/products/4', '/carts', '/carts/2', '/carts/999']) {
    console.log(`  ${shop.url}${path}`);
  }
}

function stop(code: number, why: string): void {
  console.error(why);
  process.exitCode = code;
}

function whyNotListening(error: unknown, { host, port }: DemoShopSettings): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') {
    return `Port ${port} of ${host} is taken: stop what listens there, or set SHOP_PORT to another port.`;
  }
  return `Cannot listen on port ${port} of ${host}: ${error instanceof Error ? error.message : String(error)}`;
}

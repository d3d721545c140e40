/**
 * What `npm run bench:peers` runs: the order task on Taskchart's backends and on its peers, each as its own documentation asks for in
 * production. The systems take turns, round after round, and are compared within a round: machines drift.
 */
import { writeFile } from 'node:fs/promises';
import { chartOf } from './chart.ts';
import { installPeers } from './install.ts';
import { parseOptions } from './options.ts';
import { runSystem } from './run-system.ts';
import { ratiosOf, runsOf, type Turns } from './summary.ts';
import { textOf } from './text.ts';

const options = parseOptions(process.argv.slice(2));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

if (options.systems.some(({ kind }) => kind === 'peer')) await installPeers();
const all = options.systems.map((system): Turns => ({ system, rounds: [] }));
const windows = {
  inFlight: options['in-flight'],
  runUp: options.seconds * 2_000,
  warmUp: options.seconds * 500,
  duration: options.seconds * 1_000,
  full: options.full,
  patience: 10_000,
  programs: { nats: options.nats },
};
for (let round = 1; round <= options.rounds; round += 1) {
  for (const { system, rounds } of all) {
    console.error(`Round ${round} of ${options.rounds}: ${system.name}, ${system.workers} at work …`);
    rounds.push(await runSystem(system, windows));
  }
}

const ratios = ratiosOf(all);
if (options.svg !== undefined) await writeFile(options.svg, chartOf(all));
process.stdout.write(
  options.json ? `${JSON.stringify({ runs: all.flatMap(runsOf), ratios })}\n` : `${textOf(all, ratios)}\n`,
);

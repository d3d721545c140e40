import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';

/**
 * Fails a test that leaves a timer or a process running, and a file of tests that leaves a server or a connection
 * (tests of a file may share a server). Loaded before every test file.
 *
 * What is about to end by itself, a socket that closes, a process that exits, is waited for; the bound is in turns, not
 * in time, so that a busy machine is not mistaken for a leak.
 */
const OF_A_TEST = ['Timeout', 'ProcessWrap'];
const OF_A_FILE = ['TCPServerWrap', 'TCPSocketWrap', 'PipeWrap', 'FSEventWrap', 'MessagePort'];
const TURNS = 500;

type Running = ReadonlyMap<string, number>;
let beforeTest: Running;
let beforeFile: Running;

beforeAll(() => {
  beforeFile = running();
});

beforeEach(() => {
  beforeTest = running();
});

afterEach(() => nothingLeft('This test', OF_A_TEST, beforeTest));

afterAll(() => nothingLeft('This file of tests', OF_A_FILE, beforeFile));

async function nothingLeft(what: string, kinds: readonly string[], before: Running): Promise<void> {
  let left = leaks(kinds, before);
  for (let turn = 0; left.length > 0 && turn < TURNS; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    left = leaks(kinds, before);
  }
  if (left.length > 0) throw new Error(`${what} left running: ${left.join(', ')}.`);
}

/** What runs, by kind. */
function running(): Running {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

function leaks(kinds: readonly string[], before: Running): string[] {
  const after = running();
  return kinds.flatMap((kind) => {
    const more = (after.get(kind) ?? 0) - (before.get(kind) ?? 0);
    return more > 0 ? [`${more} ${kind}`] : [];
  });
}

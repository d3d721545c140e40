import type { Finding, Verdict } from './check.ts';

/** What the crash run comes to: what `--json` prints. */
export interface CrashResult {
  readonly kills: number;
  /** Orders that were acknowledged. */
  readonly tasks: number;
  /** Tasks. */
  readonly lost: number;
  /** Calls. */
  readonly repeated: number;
  /** Tasks. */
  readonly doubled: number;
  readonly worst_recovery_ms: number;
  /** With NATS. */
  readonly server_kills?: number;
  /** With NATS: how many times a worker was frozen, longer than its tasks wait for it, and went on. */
  readonly freezes?: number;
}

export function resultOf(kills: number, tasks: number, verdict: Verdict): CrashResult {
  const { lost, repeated, doubled, slowest } = verdict;
  return {
    kills,
    tasks,
    lost: tasksIn(lost),
    repeated: repeated.length,
    doubled: tasksIn(doubled),
    worst_recovery_ms: slowest?.ms ?? 0,
  };
}

/** Nothing is as it must not be. */
export function isWell({ lost, repeated, doubled }: CrashResult): boolean {
  return lost + repeated + doubled === 0;
}

/** One task may give rise to several findings. */
function tasksIn(findings: readonly Finding[]): number {
  return new Set(findings.map(({ task }) => task)).size;
}

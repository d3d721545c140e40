import { isDeepStrictEqual } from 'node:util';
import type { Order } from '../../../machines/order/index.ts';
import type { TaskView } from '../../service/index.ts';
import type { DemoExpectation } from '../../shop/demo/index.ts';
import type { Evidence, Ordered, TraceCommit } from './evidence.ts';

/** Something that must not be, about a task. */
export interface Finding {
  readonly task: string;
  readonly what: string;
}

export interface Verdict {
  /** A task that did not end, or otherwise than it does when nobody is killed; an end that nobody was told of; what an order leaves, missing. */
  readonly lost: readonly Finding[];
  /** An effect that was called though its result was durable, or its task had ended. */
  readonly repeated: readonly Finding[];
  /** As those, by a process that had lost the task and could not know it. That is promised to nobody. */
  readonly late: readonly Finding[];
  /** A second event of an order; or what is kept of it here and there is not the same. */
  readonly doubled: readonly Finding[];
  /** None where every task ended with the process that began it. */
  readonly slowest?: Recovery;
}

/** A task moved again whose process had been killed. */
export interface Recovery {
  readonly task: string;
  readonly ms: number;
  /** The process that was killed, and the one that moved the task next. */
  readonly from: string;
  readonly to: string;
}

/** The steps of an order that are effects. */
const EFFECTS = ['fetch_cart', 'fetch_products', 'create_order', 'publish_event'];

/**
 * Holds what a run left behind against what was promised. Pure.
 *
 * Time: a call's is when it came to the shop, a commit's is when it was being stored; both are read from the clock of one machine. A call
 * was answered before its result could be stored, so it is never later than that, however coarse the clock. What is
 * later was made again.
 */
export function check(evidence: Evidence): Verdict {
  const [slowest] = recoveries(evidence).toSorted((a, b) => b.ms - a.ms);
  const { repeated, late } = belated(evidence);
  return {
    lost: evidence.orders.flatMap((order) => lost(order, evidence)),
    repeated: [...repeated, ...recordedTwice(evidence)],
    late,
    doubled: evidence.orders.flatMap((order) => doubled(order, evidence)),
    ...(slowest && { slowest }),
  };
}

function lost(ordered: Ordered, { traces, records, created, told }: Evidence): Finding[] {
  const { id: task, cartId, expect } = ordered;
  const find = (what: string): Finding => ({ task, what });
  const view = endOf(traces.get(task));
  if (!view) return [find(`has not ended (cart ${cartId})`)];
  const findings = unexpected(view, expect).map((what) => find(`${what} (cart ${cartId})`));
  if (told.get(task) !== view.status) {
    findings.push(find(`ended with ${view.status}, but what was told of it last is ${told.get(task)}`));
  }
  if (view.status === 'complete') {
    const results = new Set(traces.get(task)?.flatMap((commit) => commit.results));
    // Were they not seen here, no call would ever count as repeated.
    for (const step of EFFECTS.filter((effect) => !results.has(effect))) {
      findings.push(find(`is complete, but its journal has no result of ${step}`));
    }
    if (!records.has(task)) findings.push(find('is complete, but its order is not kept'));
    if (!created.has(task)) findings.push(find('is complete, but its order.created was not published'));
  }
  return findings;
}

/** What is otherwise about an end than about that of an order whose processes all lived. */
function unexpected({ status, output, error }: TaskView, expect: DemoExpectation): string[] {
  const made = (output as { order: Order } | undefined)?.order;
  const codes = error?.issues?.map((issue) => ('code' in issue ? issue.code : issue.path));
  const is =
    status === 'complete'
      ? { status, total: made?.total, discounted_total: made?.discounted_total }
      : { status, code: error?.code, ...(error?.code === 'rejected' && { issues: codes }) };
  if (isDeepStrictEqual(is, expect)) return [];
  return [
    `ended with ${JSON.stringify(is)}${error ? `: ${error.message}` : ''}, not ${JSON.stringify(expect)}`,
  ];
}

/** Calls that came when there was nothing left to call for. */
function belated({ calls, traces }: Evidence): { repeated: Finding[]; late: Finding[] } {
  const belated: { repeated: Finding[]; late: Finding[] } = { repeated: [], late: [] };
  for (const { key, agent, started_at } of calls) {
    const [task = '', step = ''] = key?.split('/') ?? [];
    const trace = traces.get(task) ?? [];
    const done = trace.findIndex(({ results }) => results.includes(step));
    // What the end cut off may still be on its way; whoever comes to the task after that has no business there.
    const ended = trace.findIndex((commit) => commit.ended && commit.life !== agent);
    const [index = -1] = [done, ended].filter(
      (at) => started_at > (trace[at]?.at ?? Number.POSITIVE_INFINITY),
    );
    const over = trace[index];
    if (!over) continue;
    const what = index === done ? 'its result was stored' : 'the task was ended';
    const finding = {
      task,
      what: `${key} was called by ${agent} ${started_at - over.at} ms after ${what} by ${over.life}`,
    };
    belated[couldNotKnow(agent, trace, index) ? 'late' : 'repeated'].push(finding);
  }
  return belated;
}

/**
 * A process that had the task before another took it, and has not written to it since: what it was doing then it goes on with, until
 * its next entry is refused.
 */
function couldNotKnow(agent: string | undefined, trace: readonly TraceCommit[], index: number): boolean {
  const last = trace.findLastIndex(({ life }) => life === agent);
  return last >= 0 && last < index;
}

function recordedTwice({ traces }: Evidence): Finding[] {
  return [...traces].flatMap(([task, trace]) => {
    const results = trace.flatMap((commit) => commit.results);
    const again = results.filter((step, index) => results.indexOf(step) < index);
    return again.map((step) => ({ task, what: `${step} has a second result in the journal` }));
  });
}

function doubled({ id: task }: Ordered, { traces, records, created }: Evidence): Finding[] {
  const view = endOf(traces.get(task));
  const events = created.get(task) ?? [];
  const record = records.get(task);
  const find = (what: string): Finding[] => [{ task, what }];
  if (events.length > 1) return find(`has ${events.length} order.created events`);
  if (view?.status !== 'complete') {
    if (events.length > 0)
      return find(`is ${view?.status ?? 'not ended'}, but its order.created was published`);
    return [];
  }
  const made = (view.output as { order: Order }).order;
  if (record !== undefined && !isDeepStrictEqual(record, made))
    return find('gave another order than is kept');
  if (events.length > 0 && !isDeepStrictEqual(events[0], made))
    return find('gave another order than was published');
  return [];
}

/**
 * From a kill until a task moves again whose last commit was the killed process's: until its next commit, by whomever, and however many
 * others were killed meanwhile.
 */
function recoveries({ traces, kills }: Evidence): Recovery[] {
  const killedAt = new Map(kills.map(({ life, at }) => [life, at]));
  return [...traces].flatMap(([task, trace]) =>
    trace.flatMap(({ at, life: to }, index) => {
      const from = trace[index - 1]?.life;
      const killed = from === undefined || from === to ? undefined : killedAt.get(from);
      return from === undefined || killed === undefined ? [] : [{ task, ms: at - killed, from, to }];
    }),
  );
}

function endOf(trace: readonly TraceCommit[] | undefined): TaskView | undefined {
  return trace?.find((commit) => commit.ended)?.ended;
}

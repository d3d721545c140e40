import type { DemoOrder, DemoResult } from './order.ts';

const MOST_ATTEMPTS = 3;

/** Holds what became of the orders against what should have: a sentence for each thing that is wrong. */
export function verdictsOn(orders: readonly DemoOrder[], { tasks, events }: DemoResult): string[] {
  const expectations = new Map(orders.map(({ id, expect }) => [id, expect]));
  return tasks.flatMap((task) => {
    const wrong: string[] = [];
    const check = (what: string, is: unknown, expected: unknown) => {
      const [a, b] = [JSON.stringify(is), JSON.stringify(expected)];
      if (a !== b) wrong.push(`${task.id}: ${what} is ${a ?? 'missing'}, expected ${b}.`);
    };
    if (task.status !== 'complete' && task.status !== 'error') {
      check('the status', task.status, 'complete or error');
    }
    const published = events.filter(({ data }) => data.id === task.order?.id);
    check('the number of its order.created events', published.length, task.status === 'complete' ? 1 : 0);
    for (const [step, { attempts }] of Object.entries(task.steps)) {
      if (step !== 'publish_event' && attempts > MOST_ATTEMPTS) {
        wrong.push(`${task.id}: ${step} made ${attempts} attempts, expected at most ${MOST_ATTEMPTS}.`);
      }
    }
    const expected = expectations.get(task.id);
    if (!expected) return wrong;
    check('the status', task.status, expected.status);
    if (expected.status === 'complete') {
      check('the total', task.order?.total, expected.total);
      check('the discounted total', task.order?.discounted_total, expected.discounted_total);
    } else {
      check('the error', task.error?.code, expected.code);
      if (expected.code === 'rejected') {
        const codes = task.error?.issues?.map((issue) => ('code' in issue ? issue.code : issue.path));
        check('the list of issues', codes, expected.issues);
      }
    }
    return wrong;
  });
}

import { describe, expect, test } from 'vitest';
import { createActor, initialTransition, transition } from 'xstate';
import { getSimplePaths } from 'xstate/graph';
import { z } from 'zod';
import { defineTask, reportOf, taskFromData } from '../../../machines/task/index.ts';
import { flush, VirtualClock } from '../../virtual-time.ts';

const output = z.object({ by: z.string() });
const approval = defineTask({ name: 'approval', version: '1', context: z.object({}) })
  .step('approve', { event: 'order.approved', within: 1_000, output })
  .build({ output: ({ approve }) => approve.by });
const input = { id: 'a', context: {} };

describe('a step that waits for an event', () => {
  test('every path: it succeeds by its event, or its time is over, or the task is cancelled', () => {
    const paths = getSimplePaths(approval.machine, {
      input,
      stopWhen: ({ status }) => status !== 'active',
      events: [
        { type: 'order.approved', data: { by: 'me' } },
        { type: 'task.cancel' },
        { type: 'xstate.after.approve_within.approval.approve.waiting' } as never,
      ],
    });
    const told = paths.map(({ state, steps }) => {
      const report = reportOf(state);
      return `${steps.at(-1)?.event.type.split('.', 2).join('.')} → ${report.status}, ${report.steps.approve?.status}`;
    });
    expect(new Set(told)).toEqual(
      new Set([
        'xstate.init → running, running',
        'order.approved → complete, complete',
        'task.cancel → cancelled, cancelled',
        'xstate.after → error, error',
      ]),
    );
  });

  test('takes no data that its schema does not: it goes on waiting', () => {
    const [waiting] = initialTransition(approval.machine, input);
    for (const data of [undefined, null, {}, { by: 5 }, 'me']) {
      const event = { type: 'order.approved', data } as never;
      expect(waiting.can(event)).toBe(false);
      const [after] = transition(approval.machine, waiting, event);
      expect(after.value).toEqual(waiting.value);
    }
    const [done] = transition(approval.machine, waiting, { type: 'order.approved', data: { by: 'me' } });
    expect(done.output).toEqual({ status: 'complete', output: 'me' });
  });

  test('gives what the schema makes of the data', () => {
    const { machine } = defineTask({ name: 't', version: '1', context: z.object({}) })
      .step('wait', { event: 'go', output: z.object({ n: z.coerce.number().default(7) }) })
      .build();
    const [waiting] = initialTransition(machine, input);
    const [done] = transition(machine, waiting, { type: 'go', data: {} });
    expect(done.context.results).toEqual({ wait: { n: 7 } });
  });

  test('never takes what its schema would only know later, or what is no JSON', () => {
    const late = z.string().refine(async () => true);
    const odd = z.string().transform(() => 10n);
    for (const schema of [late, odd]) {
      const { machine } = defineTask({ name: 't', version: '1', context: z.object({}) })
        .step('wait', { event: 'go', output: schema as never })
        .build();
      const [waiting] = initialTransition(machine, input);
      expect(waiting.can({ type: 'go', data: 'x' } as never)).toBe(false);
    }
  });

  test('fails the task when its time is over, by name', async () => {
    const clock = new VirtualClock();
    const actor = createActor(approval.machine, { input, clock }).start();
    await clock.advance(999);
    expect(actor.getSnapshot().status).toBe('active');
    await clock.advance(1);
    expect(reportOf(actor.getSnapshot())).toMatchObject({
      status: 'error',
      error: {
        step: 'approve',
        code: 'timeout',
        message: 'The event "order.approved" did not come within 1000 ms.',
      },
    });
  });

  test('waits beside other steps, and comes after others', async () => {
    const calls: string[] = [];
    const { machine } = defineTask({ name: 't', version: '1', context: z.object({}) })
      .step('reserve', { output: z.string(), run: () => `r${calls.push('reserve')}` })
      .step('pay', { event: 'paid', output: z.int() })
      .step('ship', {
        after: ['reserve', 'pay'],
        output: z.string(),
        run: ({ results }) => `${results.reserve}${results.pay}`,
      })
      .build();
    const actor = createActor(machine, { input, clock: new VirtualClock() }).start();
    await flush();
    expect(calls).toEqual(['reserve']);
    actor.send({ type: 'paid', data: 3 });
    await flush();
    expect(actor.getSnapshot().output).toEqual({ status: 'complete', output: { ship: 'r13' } });
  });

  test('can be read from data', () => {
    const { machine, steps } = taskFromData({
      name: 't',
      version: '1',
      steps: [{ name: 'wait', event: 'go', within: 5 }],
    });
    expect(steps).toMatchObject([{ name: 'wait', kind: 'event', event: 'go' }]);
    const [waiting] = initialTransition(machine, input);
    expect(waiting.can({ type: 'go', data: [1] })).toBe(true);
  });

  const define = (options: object) => () =>
    defineTask({ name: 't', version: '1', context: z.object({}) })
      .step('wait', { output: z.string(), ...options } as never)
      .build();
  test.each([
    [{ event: 'go', run: () => 'x' }, 'step "wait" waits for an event, and has a "run" too'],
    [{ event: 'go', check: () => ({}) }, 'has a "check" too'],
    [{ event: 'go', retry: {} }, 'has a "retry" too'],
    [{ event: 'go', timeout: 5 }, 'has a "timeout" too'],
    [{ within: 5 }, '"within", which is how long a step waits for its "event"'],
    [{ event: 'go', within: 0 }, 'wait.within'],
    [{ event: 'task.cancel' }, 'wait.event'],
    [{ event: 'xstate.done' }, 'wait.event'],
    [{ event: 'a.*' }, 'wait.event'],
    [{ event: '' }, 'wait.event'],
  ])('defined as %j is refused', (options, message) => {
    expect(define(options)).toThrow(message);
  });
});

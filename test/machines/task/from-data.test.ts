import { describe, expect, test } from 'vitest';
import { createActor, toPromise } from 'xstate';
import type { EffectArguments } from '../../../machines/step/index.ts';
import { DefinitionError, taskFromData } from '../../../machines/task/index.ts';
import { VirtualClock } from '../../virtual-time.ts';

function refusalOf(data: unknown): DefinitionError {
  try {
    taskFromData(data);
  } catch (error) {
    if (error instanceof DefinitionError) return error;
    throw error;
  }
  throw new Error('It was accepted.');
}

const taskOf = (...steps: unknown[]) => ({ name: 'task', version: '1', steps });

describe('a task from data', () => {
  test('runs with the effects it is provided with', async () => {
    const clock = new VirtualClock();
    const data: unknown = JSON.parse(
      JSON.stringify({
        name: 'greeting',
        version: '2',
        description: 'Greets.',
        timeout: 50,
        retry: { attempts: 2, baseDelay: 10, jitter: 'none' },
        steps: [
          { name: 'shout', after: ['greet'], description: 'Loudly.', timeout: 100, retry: { attempts: 1 } },
          { name: 'greet', stage: 'greeting' },
        ],
      }),
    );
    const task = taskFromData(data).provide({
      greet: async ({ context, attempt }: EffectArguments<unknown, unknown>) => {
        if (attempt === 1) await clock.sleep(1_000);
        return `Hello, ${context}`;
      },
      shout: ({ results }: EffectArguments<unknown, { greet: string }>) => `${results.greet}!`,
    });
    expect(task).toMatchObject({ name: 'greeting', version: '2', stages: [['greet'], ['shout']] });
    const actor = createActor(task.machine, {
      clock,
      input: { id: 'id', context: task.parseContext('you') },
    }).start();
    const ended = toPromise(actor);
    await clock.advance(60);
    expect(await ended).toEqual({ status: 'complete', output: { shout: 'Hello, you!' } });
  });

  test.each<[string, unknown, RegExp]>([
    ['null', null, /Task "\(without a name\)": its definition is wrong: .*expected object/],
    ['text', 'task', /\(without a name\).*expected object/],
    ['nothing', {}, /name: .*version: .*steps: /],
    ['no steps', { name: 'task', version: '1' }, /Task "task": .*steps: .*expected array/],
    ['steps that are none', { name: 'task', version: '1', steps: {} }, /steps: .*expected array/],
    ['an empty list', taskOf(), /it has no steps/],
    ['a step that is none', taskOf('a'), /steps\[0\]: .*expected object.*\(it is "a"\)/],
    ['a step without a name', taskOf({ after: [] }), /steps\[0\]\.name: .*expected string/],
    [
      'a malformed name',
      taskOf({ name: 'a' }, { name: 'B' }),
      /steps\[1\]\.name: .*lower-case.*\(it is "B"\)/,
    ],
    ['a malformed dependency', taskOf({ name: 'a', after: [1] }), /steps\[0\]\.after\[0\]: .*\(it is 1\)/],
    ['a function', taskOf({ name: 'a', run: () => 1 }), /steps\[0\]\.run: no such field is known/],
    ['an unknown field', taskOf({ name: 'a', afer: ['b'] }), /steps\[0\]\.afer: no such field is known/],
    ['a wrong timeout', taskOf({ name: 'a', timeout: 0 }), /steps\[0\]\.timeout: .*\(it is 0\)/],
    [
      'a wrong policy',
      { ...taskOf({ name: 'a' }), retry: { attempts: 0 } },
      /retry\.attempts: .*\(it is 0\)/,
    ],
    [
      'an unknown dependency',
      taskOf({ name: 'a', after: ['b'] }),
      /step "a" comes after "b", which is no step/,
    ],
    ['a duplicate', taskOf({ name: 'a' }, { name: 'a' }), /two steps are named "a"/],
    ['a step after itself', taskOf({ name: 'a', after: ['a'] }), /cycle: a → a,/],
    [
      'a cycle',
      taskOf({ name: 'a', after: ['b'] }, { name: 'b', after: ['c'] }, { name: 'c', after: ['a'] }),
      /cycle: a → b → c → a,/,
    ],
  ])('is refused where it is %s', (_, data, message) => {
    expect(refusalOf(data).message).toMatch(message);
  });

  test('of a cycle of a thousand steps is refused', () => {
    const steps = Array.from({ length: 1_000 }, (_, n) => ({
      name: `s${n}`,
      after: [`s${(n + 1) % 1_000}`],
    }));
    expect(refusalOf(taskOf(...steps)).steps).toHaveLength(1_000);
  });
});

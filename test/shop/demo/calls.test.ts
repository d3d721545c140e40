import { describe, expect, test } from 'vitest';
import { CallLog, keptCalls, keptKeys } from '../../../src/shop/demo/calls.ts';

describe('the memory of calls', () => {
  test('is bounded, and the list stays the same one', () => {
    const log = new CallLog(() => 0);
    const { calls } = log;
    let most = 0;
    for (let call = 0; call < 2.5 * keptCalls; call++) {
      log.begin('GET', `/carts/${call}`, undefined);
      most = Math.max(most, calls.length);
    }
    expect(most).toBeLessThan(1.1 * keptCalls);
    expect(calls.length).toBeGreaterThanOrEqual(keptCalls);
    expect(calls.at(-1)?.path).toBe(`/carts/${2.5 * keptCalls - 1}`);
    expect(calls[0]?.path).toBe(`/carts/${2.5 * keptCalls - calls.length}`);
  });

  test('forgets the keys that were not asked for longest', () => {
    const log = new CallLog(() => 0);
    const ask = (key: string) => log.begin('GET', '/carts/1', key).asked;
    expect([ask('kept'), ask('forgotten'), ask('kept')]).toEqual([1, 1, 2]);
    for (let key = 0; key < keptKeys - 1; key++) ask(`t${key}`);
    expect([ask('kept'), ask('forgotten')]).toEqual([3, 1]);
  });
});

test('a call ends once, with the answer that was set first', () => {
  let now = 1;
  const log = new CallLog(() => now);
  const call = log.begin('GET', '/carts/1', 't1/fetch_cart');
  call.answer = 'hang';
  now = 2;
  log.end(call, 'left');
  now = 3;
  log.end(call, 200);
  expect(call).toMatchObject({ answer: 'hang', started_at: 1, ended_at: 2 });
});

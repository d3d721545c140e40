import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasForm } from '../../src/backends/names.ts';
import { isExact, matcherOf, overlap } from '../../src/backends/subject.ts';

const token = fc.constantFrom('a', 'b', 'c');
const subject = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join('.'));
const filter = fc
  .record({ tokens: fc.array(fc.oneof(token, fc.constant('*')), { maxLength: 4 }), open: fc.boolean() })
  .map(({ tokens, open }) => [...tokens, ...(open || tokens.length === 0 ? ['>'] : [])].join('.'));

/** By the definition, without any care for speed. */
function matches(wanted: readonly string[], tokens: readonly string[]): boolean {
  const [first, ...rest] = wanted;
  if (first === undefined) return tokens.length === 0;
  if (first === '>') return tokens.length > 0;
  return tokens.length > 0 && (first === '*' || first === tokens[0]) && matches(rest, tokens.slice(1));
}

describe('filters', () => {
  it('take what their definition says', () => {
    fc.assert(
      fc.property(filter, subject, (wanted, given) => {
        expect(hasForm('filter', wanted)).toBe(true);
        expect(matcherOf(wanted)(given)).toBe(matches(wanted.split('.'), given.split('.')));
        if (isExact(wanted)) expect(hasForm('subject', wanted)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('overlap when there is a subject that both take', () => {
    const tokens = ['a', 'b', 'c'];
    let subjects = tokens;
    const all = [...subjects];
    for (let length = 2; length <= 5; length++) {
      subjects = subjects.flatMap((start) => tokens.map((end) => `${start}.${end}`));
      all.push(...subjects);
    }
    fc.assert(
      fc.property(filter, filter, (one, other) => {
        const both = all.some((given) => matcherOf(one)(given) && matcherOf(other)(given));
        expect(overlap(one, other)).toBe(both);
        expect(overlap(other, one)).toBe(both);
      }),
      { numRuns: 500 },
    );
  });
});

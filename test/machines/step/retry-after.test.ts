import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseRetryAfter } from '../../../machines/step/index.ts';

const now = Date.UTC(2026, 6, 28, 12, 0, 0);

describe('Retry-After', () => {
  test.each([
    ['0', 0],
    ['2', 2_000],
    ['120', 120_000],
    ['002', 2_000],
    [' 2 ', 2_000],
    ['\t2', 2_000],
    ['3600', 3_600_000],
    ['2147483648', 2_147_483_648_000],
  ])('in seconds: %j', (header, ms) => {
    expect(parseRetryAfter(header, now)).toBe(ms);
  });

  test.each([
    ['of today', 'Tue, 28 Jul 2026 12:00:02 GMT'],
    ['of RFC 850', 'Tuesday, 28-Jul-26 12:00:02 GMT'],
    ['of asctime', 'Tue Jul 28 12:00:02 2026'],
    ['with spaces around it', '  Tue, 28 Jul 2026 12:00:02 GMT '],
  ])('as a date %s', (_, header) => {
    expect(parseRetryAfter(header, now)).toBe(2_000);
    expect(parseRetryAfter(header, now + 1_500)).toBe(500);
    expect(parseRetryAfter(header, now + 2_000)).toBe(0);
  });

  test('as an asctime date of one digit', () => {
    expect(parseRetryAfter('Sun Aug  2 12:00:00 2026', Date.UTC(2026, 7, 2, 11))).toBe(3_600_000);
  });

  test.each([
    'Tue, 28 Jul 2026 11:59:59 GMT',
    'Thu, 01 Jan 1970 00:00:00 GMT',
    'Sunday, 06-Nov-94 08:49:37 GMT',
  ])('as a date in the past means now: %s', (header) => {
    expect(parseRetryAfter(header, now)).toBe(0);
  });

  test.each([
    '',
    ' ',
    '-1',
    '+2',
    '1.5',
    '2s',
    '1e3',
    '0x10',
    '2, 3',
    'soon',
    'NaN',
    'Infinity',
    'null',
    '٢',
    '2026-07-28T12:00:02Z',
    '2026-07',
    'Tue, 28 Jul 2026 12:00:02',
    'Tue, 28 Jul 2026 12:00:02 +0200',
    'Tue, 28 Jul 2026 12:00:02 PST',
    'tue, 28 jul 2026 12:00:02 gmt',
    'Tue, 28 Jul 26 12:00:02 GMT',
    'Tue, 32 Jul 2026 12:00:02 GMT',
    'Tue, 28 Jul 2026 25:00:02 GMT',
    'Tue, 28 Foo 2026 12:00:02 GMT',
    '<b>2</b>',
  ])('is ignored where it is rubbish: %j', (header) => {
    expect(parseRetryAfter(header, now)).toBeUndefined();
  });

  test('of any number of digits is a wait that can be compared', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[1-9]\d{0,400}$/), (header) => {
        const ms = parseRetryAfter(header, now) ?? Number.NaN;
        expect(Number.isSafeInteger(ms)).toBe(true);
        expect(ms).toBeGreaterThanOrEqual(Math.min(Number(header) * 1_000, Number.MAX_SAFE_INTEGER));
      }),
    );
  });

  test('as any date of today’s form is the time until then', () => {
    const seconds = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) / 1_000 });
    fc.assert(
      fc.property(seconds, (at) => {
        const header = new Date(at * 1_000).toUTCString();
        expect(parseRetryAfter(header, now)).toBe(Math.max(0, at * 1_000 - now));
      }),
    );
  });

  test('never throws, and never asks for less than nothing', () => {
    fc.assert(
      fc.property(fc.string(), fc.date({ noInvalidDate: true }), (header, at) => {
        expect(parseRetryAfter(header, at.getTime()) ?? 0).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

const DELAY_SECONDS = /^\d+$/;
const DAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const LONG_DAY = '(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day';
const MONTH = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)';
const TIME = String.raw`\d{2}:\d{2}:\d{2}`;

/** The three forms of an HTTP date: RFC 9110, section 5.6.7. All are in GMT, the last without saying so. */
const IMF_FIXDATE = new RegExp(String.raw`^${DAY}, \d{2} ${MONTH} \d{4} ${TIME} GMT$`);
const RFC_850_DATE = new RegExp(String.raw`^${LONG_DAY}, \d{2}-${MONTH}-\d{2} ${TIME} GMT$`);
const ASCTIME_DATE = new RegExp(String.raw`^${DAY} ${MONTH} [ \d]\d ${TIME} \d{4}$`);

/**
 * Reads a `Retry-After` header (RFC 9110, section 10.2.3): whole seconds or an HTTP date.
 *
 * @param now ms since the epoch, against which a date is measured.
 * @returns The wait in ms, 0 for a date in the past; `undefined` for anything else, which is to be ignored.
 */
export function parseRetryAfter(header: string, now: number): number | undefined {
  const text = header.trim();
  if (DELAY_SECONDS.test(text)) return Math.min(Number(text) * 1_000, Number.MAX_SAFE_INTEGER);
  const date = parseHttpDate(text);
  return date === undefined ? undefined : Math.max(0, date - now);
}

/** `Date.parse` alone takes far more than HTTP dates ("1" is the year 2001), so the form is checked first. */
function parseHttpDate(text: string): number | undefined {
  const gmt =
    IMF_FIXDATE.test(text) || RFC_850_DATE.test(text) ? text : ASCTIME_DATE.test(text) && `${text} GMT`;
  const time = gmt ? Date.parse(gmt) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}

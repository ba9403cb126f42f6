import { DAY, HOUR, type Instant, MINUTE, SECOND } from '../../../component/runtime/clock.ts';

/**
 * An xs:dateTime as an instant; NaN when it is none (XML Schema 1.0 part 2, §3.2.7).
 *
 * - Without an offset it is UTC: Exchange answers in the zone of the request, and ours are in UTC; Exchange 2007 answers
 *   with an offset. So no change of the clocks makes a time ambiguous.
 * - Fractions of a second count to the millisecond; what is beyond is cut off.
 * - `24:00:00` is the beginning of the next day. A leap second, `:60`, is the beginning of the next minute.
 * - Years are 0001 to 9999, offsets up to 14 hours, and there is no 30th of February.
 */
export function parseDateTime(text: string): Instant {
  const year = 100 * pair(text, 0) + pair(text, 2);
  const month = pair(text, 5);
  const day = pair(text, 8);
  const hour = pair(text, 11);
  const minute = pair(text, 14);
  const second = pair(text, 17);
  // NaN, which a pair without digits is, fails every one of these.
  const isDate = year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month);
  const isTime = minute <= 59 && second <= 60 && (hour <= 23 || (hour === 24 && minute === 0 && second === 0));
  if (!isDate || !isTime || !hasMarks(text)) {
    const trimmed = text.trim();
    return trimmed === text ? Number.NaN : parseDateTime(trimmed);
  }
  const local = dayNumber(year, month, day) * DAY + hour * HOUR + minute * MINUTE + second * SECOND;
  return text.length === WHOLE_SECONDS ? local : local + restOf(text.slice(WHOLE_SECONDS), hour === 24);
}

/** The length of `2026-03-02T09:00:00`. */
const WHOLE_SECONDS = 19;

/** The number that two digits make; NaN when they are none. */
function pair(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 0x30;
  const ones = text.charCodeAt(at + 1) - 0x30;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? 10 * tens + ones : Number.NaN;
}

function hasMarks(text: string): boolean {
  const HYPHEN = 0x2d;
  const COLON = 0x3a;
  return (
    text.charCodeAt(4) === HYPHEN &&
    text.charCodeAt(7) === HYPHEN &&
    text.charCodeAt(10) === 0x54 &&
    text.charCodeAt(13) === COLON &&
    text.charCodeAt(16) === COLON
  );
}

/** What follows the seconds, in milliseconds: a fraction, less the offset. */
function restOf(text: string, isMidnight: boolean): number {
  const [all, fraction = '', sign, hours, minutes] = /^(\.\d+)?(?:Z|([+-])(\d\d):(\d\d))?\s*$/.exec(text) ?? [];
  if (all === undefined || (isMidnight && /[1-9]/.test(fraction))) return Number.NaN;
  const offset = sign === undefined ? 0 : Number(hours) * HOUR + Number(minutes) * MINUTE;
  if (offset > 14 * HOUR || Number(minutes ?? 0) > 59) return Number.NaN;
  return Number(fraction.slice(1, 4).padEnd(3, '0')) + (sign === '-' ? offset : -offset);
}

function daysOf(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days since 1970-01-01. Years begin in March here, so that the leap day is the last one. */
function dayNumber(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const leapDays = Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400);
  return 365 * y + leapDays + Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 719_469;
}

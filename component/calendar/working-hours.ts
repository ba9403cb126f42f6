import { DAY, type Instant, MINUTE } from '../runtime/clock.ts';
import { instantOf, localDay, type TimeZone } from '../runtime/time-zone.ts';

/** On those days (0 is Sunday) from one minute of the day to another; to the next day's where `to` is not after `from`. */
export type WorkingPeriod = { readonly days: readonly number[]; readonly from: number; readonly to: number };

/** When somebody works: as the mailbox says (EWS's WorkingHours), or as configured. */
export type WorkingHours = { readonly zone: TimeZone; readonly periods: readonly WorkingPeriod[] };

/** The half-open span [since, until) around an instant in which somebody works throughout, or does not. */
export type WorkingSpan = { readonly isWorking: boolean; readonly since: Instant; readonly until: Instant };

/** So many days before and after today are laid out: longer than any timeline looks ahead need not be known. */
const DAYS = 8;

type LaidOut = { readonly day: number; readonly spans: readonly { readonly start: Instant; readonly end: Instant }[] };

/** Hours are the same object for many mailboxes: each is laid out once a day. */
const laidOut = new WeakMap<WorkingHours, LaidOut>();

/** Whether somebody works at an instant, and since and until when; looks eight days around. */
export function workingSpanAt(hours: WorkingHours, at: Instant): WorkingSpan {
  const { spans } = layOut(hours, at);
  let since = at - DAYS * DAY;
  for (const { start, end } of spans) {
    if (at < start) return { isWorking: false, since, until: start };
    if (at < end) return { isWorking: true, since: start, until: end };
    since = end;
  }
  return { isWorking: false, since, until: at + DAYS * DAY };
}

function layOut(hours: WorkingHours, at: Instant): LaidOut {
  const day = localDay(hours.zone, at);
  const known = laidOut.get(hours);
  if (known?.day === day) return known;
  const spans: { start: Instant; end: Instant }[] = [];
  for (let other = day - DAYS; other <= day + DAYS; other++) {
    // 1970-01-01 was a Thursday.
    const weekday = (((other + 4) % 7) + 7) % 7;
    for (const { days, from, to } of hours.periods) {
      if (!days.includes(weekday)) continue;
      const start = instantOf(hours.zone, other * DAY + from * MINUTE);
      const end = instantOf(hours.zone, other * DAY + (to > from ? to : to + 24 * 60) * MINUTE);
      if (start < end) spans.push({ start, end });
    }
  }
  const result = { day, spans: merged(spans) };
  laidOut.set(hours, result);
  return result;
}

function merged(spans: { start: Instant; end: Instant }[]): { start: Instant; end: Instant }[] {
  spans.sort((a, b) => a.start - b.start);
  const result: { start: Instant; end: Instant }[] = [];
  for (const span of spans) {
    const last = result.at(-1);
    if (last !== undefined && span.start <= last.end) last.end = Math.max(last.end, span.end);
    else result.push(span);
  }
  return result;
}

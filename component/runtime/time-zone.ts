import { DAY, HOUR, type Instant, MINUTE } from './clock.ts';

/** When the clocks of a zone change, each year: the `day`-th `weekday` of the month, 5 being the last; in local time. */
export type ClockChange = {
  /** Minutes that are added to the zone's own from then on. */
  readonly bias: number;
  /** 1 to 12; 0: the clocks never change. */
  readonly month: number;
  /** 1 to 5, 5 being the last of the month. */
  readonly order: number;
  /** 0 is Sunday. */
  readonly weekday: number;
  /** Minutes after midnight, by the clocks that are about to change. */
  readonly minute: number;
};

/** A zone by its rule, as Exchange writes it: UTC is local time plus `bias` minutes. */
export type ZoneRule = { readonly bias: number; readonly standard: ClockChange; readonly daylight: ClockChange };

/** A zone: its name in the IANA database, or its rule. */
export type TimeZone = string | ZoneRule;

/** How far the zone's wall clocks are ahead of UTC at an instant, in milliseconds. @throws RangeError for a name that is none */
export function zoneOffset(zone: TimeZone, at: Instant): number {
  return typeof zone === 'string' ? offsetByName(zone, at) : offsetByRule(zone, at);
}

/** The days of the zone's calendar since 1970-01-01, by the wall clock at an instant. */
export function localDay(zone: TimeZone, at: Instant): number {
  return Math.floor((at + zoneOffset(zone, at)) / DAY);
}

/** Whether a day begins in the zone at that very instant: at midnight, or where the clocks skip it, right after. */
export function isDayStart(zone: TimeZone, at: Instant): boolean {
  // Most instants end here: zones are whole quarters of an hour away from UTC, and skip two hours at most.
  if (at % (15 * MINUTE) !== 0) return false;
  const local = at + zoneOffset(zone, at);
  return local - Math.floor(local / DAY) * DAY <= 2 * HOUR && localDay(zone, at) !== localDay(zone, at - 1);
}

/**
 * The instant at which the zone's wall clocks show that much since 1970-01-01T00:00 local time, in milliseconds.
 *
 * Of two such instants (the clocks were set back) the first; where there is none (they were set forth) one that is as
 * much after the change as the wanted time was before it had happened.
 */
export function instantOf(zone: TimeZone, local: number): Instant {
  const candidates = [local - zoneOffset(zone, local - DAY), local - zoneOffset(zone, local + DAY)] as const;
  const right = candidates.filter((at) => at + zoneOffset(zone, at) === local);
  return right.length > 0 ? Math.min(...right) : candidates[0];
}

/** Whether the name is one of the IANA database's, as far as this machine knows them. */
export function isZoneName(name: string): boolean {
  try {
    formatterOf(name);
    return true;
  } catch {
    return false;
  }
}

const formatters = new Map<string, Intl.DateTimeFormat>();
/** Zones change their offset at quarters of an hour (the present ones do). */
const SLOT = 15 * MINUTE;
const MOST_SLOTS = 20_000;
/** A formatter takes microseconds: what it said is kept. */
const offsets = new Map<string, Map<number, number>>();

function formatterOf(name: string): Intl.DateTimeFormat {
  let formatter = formatters.get(name);
  if (formatter === undefined) {
    formatter = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' });
    formatters.set(name, formatter);
    offsets.set(name, new Map());
  }
  return formatter;
}

function offsetByName(name: string, at: Instant): number {
  const formatter = formatterOf(name);
  const known = offsets.get(name) as Map<number, number>;
  const slot = Math.floor(at / SLOT);
  let offset = known.get(slot);
  if (offset === undefined) {
    const text = formatter.formatToParts(slot * SLOT).find(({ type }) => type === 'timeZoneName')?.value ?? '';
    const [, sign, hours, minutes = '0'] = /GMT(?:([+-])(\d+):?(\d+)?)?/.exec(text) ?? [];
    offset = (sign === '-' ? -1 : 1) * (Number(hours ?? 0) * HOUR + Number(minutes) * MINUTE);
    if (known.size >= MOST_SLOTS) known.clear();
    known.set(slot, offset);
  }
  return offset;
}

function offsetByRule(rule: ZoneRule, at: Instant): number {
  const { bias, standard, daylight } = rule;
  const standardOffset = -(bias + standard.bias) * MINUTE;
  if (standard.month === 0 || daylight.month === 0) return standardOffset;
  const daylightOffset = -(bias + daylight.bias) * MINUTE;
  let year = ruleYears.get(rule);
  if (year === undefined || at < year.start || at >= year.end) {
    const number = new Date(at + standardOffset).getUTCFullYear();
    const [start, end] = [number, number + 1].map((one) => Date.UTC(one, 0) - standardOffset) as [Instant, Instant];
    const toDaylight = localChange(daylight, number) - standardOffset;
    const toStandard = localChange(standard, number) - daylightOffset;
    year = { start, end, toDaylight, toStandard };
    ruleYears.set(rule, year);
  }
  const { toDaylight, toStandard } = year;
  const isDaylight =
    toDaylight < toStandard ? at >= toDaylight && at < toStandard : !(at >= toStandard && at < toDaylight);
  return isDaylight ? daylightOffset : standardOffset;
}

/** A year by a zone's standard time, and when its clocks change in it. */
type RuleYear = {
  readonly start: Instant;
  readonly end: Instant;
  readonly toDaylight: Instant;
  readonly toStandard: Instant;
};
/** Finding out takes a microsecond, for each time of each entry: the last year that was asked for is kept. */
const ruleYears = new WeakMap<ZoneRule, RuleYear>();

/** The change in a year, by the wall clock before it. */
function localChange({ month, order, weekday, minute }: ClockChange, year: number): number {
  const first = Date.UTC(year, month - 1, 1);
  const daysInMonth = new Date(Date.UTC(year, month, 0)).getUTCDate();
  let date = 1 + ((weekday - new Date(first).getUTCDay() + 7) % 7) + (order - 1) * 7;
  while (date > daysInMonth) date -= 7;
  return first + (date - 1) * DAY + minute * MINUTE;
}

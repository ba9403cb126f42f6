// The time zone of a request, in which all its times without an offset are written, the answer's too.
// docs: TimeZone (Availability), StandardTime, DaylightTime, Bias,
//       https://learn.microsoft.com/exchange/client-developer/web-service-reference/timezone-availability

export const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;

/** When a zone changes over to this time, by the wall clock before the change. */
export type ZoneRule = {
  /** Minutes added to the zone's own bias. */
  readonly bias: number;
  /** 1–12; 0: the zone never changes. */
  readonly month: number;
  /** 1–4: the first to fourth such weekday of the month; 5: the last one. */
  readonly dayOrder: number;
  readonly weekday: (typeof weekdays)[number];
  /** Milliseconds after midnight. */
  readonly time: number;
};

export type TimeZone = {
  /** Minutes: UTC = local time + bias. */
  readonly bias: number;
  readonly standard: ZoneRule;
  readonly daylight: ZoneRule;
};

const NEVER: ZoneRule = { bias: 0, month: 0, dayOrder: 0, weekday: 'Sunday', time: 0 };

export const utc: TimeZone = { bias: 0, standard: NEVER, daylight: NEVER };

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** The wall clock at an instant, as if it were UTC (milliseconds). */
export function toWallClock(zone: TimeZone, instant: number): number {
  return instant - biasAt(zone, instant) * MINUTE;
}

/** The instant at which the wall clock shows this (of two, the one in standard time). */
export function fromWallClock(zone: TimeZone, wall: number): number {
  const standard = wall + (zone.bias + zone.standard.bias) * MINUTE;
  if (toWallClock(zone, standard) === wall) return standard;
  return wall + (zone.bias + zone.daylight.bias) * MINUTE;
}

function biasAt({ bias, standard, daylight }: TimeZone, instant: number): number {
  if (standard.month === 0 || daylight.month === 0) return bias + standard.bias;
  const year = new Date(instant - bias * MINUTE).getUTCFullYear();
  const daylightBegins = changeover(daylight, year) + (bias + standard.bias) * MINUTE;
  const standardBegins = changeover(standard, year) + (bias + daylight.bias) * MINUTE;
  const isDaylight =
    daylightBegins < standardBegins
      ? daylightBegins <= instant && instant < standardBegins
      : instant < standardBegins || daylightBegins <= instant;
  return bias + (isDaylight ? daylight.bias : standard.bias);
}

function changeover({ month, dayOrder, weekday, time }: ZoneRule, year: number): number {
  const first = Date.UTC(year, month - 1, 1);
  const toWeekday = (weekdays.indexOf(weekday) - new Date(first).getUTCDay() + 7) % 7;
  let day = first + (toWeekday + (dayOrder - 1) * 7) * DAY;
  while (new Date(day).getUTCMonth() !== month - 1) day -= 7 * DAY;
  return day + time;
}

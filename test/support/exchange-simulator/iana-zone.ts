// Zones as people name them, turned into the rules in which Exchange writes them.
// docs: IANA time zone database (by Intl); TimeZone (Availability), DayOrder,
//       https://learn.microsoft.com/exchange/client-developer/web-service-reference/dayorder

import { type TimeZone, weekdays, type ZoneRule } from './time-zone.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const formats = new Map<string, Intl.DateTimeFormat>();

/**
 * The rules of an IANA zone as they are in the year of an instant (epoch ms).
 *
 * @throws RangeError when there is no such zone, or its changes in that year are not one to daylight time and one back
 */
export function ianaZone(name: string, instant: number): TimeZone {
  const year = new Date(instant).getUTCFullYear();
  const begins = Date.UTC(year, 0, 1);
  const changes: number[] = [];
  for (let day = begins; day < Date.UTC(year + 1, 0, 1); day += DAY) {
    if (offsetAt(name, day) !== offsetAt(name, day + DAY)) changes.push(changeWithin(name, day));
  }
  if (changes.length === 0) return unchanging(-offsetAt(name, begins));
  const [one, other] = changes;
  if (one === undefined || other === undefined || changes.length > 2) {
    throw new RangeError(`The zone ${name} changes ${changes.length} times in ${year}`);
  }
  const standardOffset = Math.min(offsetAt(name, one), offsetAt(name, other));
  const rules = [one, other].map((change) => ruleFor(name, change, standardOffset));
  const isNorthern = offsetAt(name, one) > offsetAt(name, other);
  const [daylight, standard] = (isNorthern ? rules : rules.reverse()) as [ZoneRule, ZoneRule];
  return { bias: -standardOffset, standard, daylight };
}

/** Minutes by which the zone's wall clock is ahead of UTC. */
export function offsetAt(name: string, instant: number): number {
  const format = formats.get(name) ?? makeFormat(name);
  const parts = new Map(format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]));
  const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  const wall = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
  return Math.round((wall - Math.floor(instant / 1000) * 1000) / MINUTE);
}

function makeFormat(timeZone: string): Intl.DateTimeFormat {
  const two = '2-digit';
  const parts = { year: 'numeric', month: two, day: two, hour: two, minute: two, second: two } as const;
  const format = new Intl.DateTimeFormat('en-US', { timeZone, ...parts, hourCycle: 'h23' });
  formats.set(timeZone, format);
  return format;
}

/** The first instant of the other offset within the day. */
function changeWithin(name: string, day: number): number {
  let [before, after] = [day, day + DAY];
  while (after - before > MINUTE) {
    const middle = before + Math.floor((after - before) / 2 / MINUTE) * MINUTE;
    if (offsetAt(name, middle) === offsetAt(name, day)) before = middle;
    else after = middle;
  }
  return after;
}

/** The change as the clock on the wall sees it that still shows the time before. */
function ruleFor(name: string, change: number, standardOffset: number): ZoneRule {
  const wall = new Date(change + offsetAt(name, change - MINUTE) * MINUTE);
  const dayOfMonth = wall.getUTCDate();
  const isLast = new Date(Number(wall) + 7 * DAY).getUTCMonth() !== wall.getUTCMonth();
  return {
    bias: standardOffset - offsetAt(name, change),
    month: wall.getUTCMonth() + 1,
    dayOrder: isLast ? 5 : Math.ceil(dayOfMonth / 7),
    weekday: weekdays[wall.getUTCDay()] as ZoneRule['weekday'],
    time: Number(wall) % DAY,
  };
}

function unchanging(bias: number): TimeZone {
  const never: ZoneRule = { bias: 0, month: 0, dayOrder: 0, weekday: 'Sunday', time: 0 };
  return { bias, standard: never, daylight: never };
}
